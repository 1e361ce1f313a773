"""Rendered pages compared with files."""

from __future__ import annotations

import difflib
import inspect
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from channels_testkit.matching.wording import say, shorten

if TYPE_CHECKING:
    from collections.abc import Sequence

__unittest = True

_LINES = 60

UPDATE = "CHANNELS_TESTKIT_UPDATE_SNAPSHOTS"


class SnapshotTestMixin:
    """
    Compares texts with files beside the test module.

    CHANNELS_TESTKIT_UPDATE_SNAPSHOTS=1 writes the files instead.

    Put it before the test case class::

        class CounterTests(SnapshotTestMixin, ChannelTestCase): ...
    """

    #: The folder of the files, from that of the test module.
    snapshot_dir: str = "snapshots"
    #: Whether the files are written, as the environment variable says it.
    update_snapshots: bool = False

    def assert_snapshot(self, name: str, content: str) -> None:
        """
        Assert that a text is that of the file ``<name>.snapshot``.

        Fails where there is no such file. A name may have folders in it;
        ``ValueError`` for one that leads out of the folder.
        """
        __tracebackhide__ = True
        path = self._snapshot_path(name)
        if self.update_snapshots or os.environ.get(UPDATE) == "1":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
            return
        if not path.exists():
            raise AssertionError(
                f"There is no snapshot {say(name)}. To write it, set {UPDATE}=1.\n\n"
                f"{_first_lines(content.splitlines())}"
            )
        stored = path.read_text(encoding="utf-8")
        if stored != content:
            raise AssertionError(
                f"Snapshot {say(name)} differs. To update it, set {UPDATE}=1.\n\n"
                f"{_diff(stored, content)}"
            )

    def assert_html_snapshot(self, name: str, html: str) -> None:
        """
        Assert that HTML is that of the file ``<name>.html.snapshot``.

        White space and comments do not matter.
        """
        __tracebackhide__ = True
        self.assert_snapshot(f"{name}.html", normal_html(html))

    def _snapshot_path(self, name: str) -> Path:
        folder = Path(inspect.getfile(type(self))).parent / self.snapshot_dir
        path = folder / f"{name}.snapshot"
        if not name or folder.resolve() not in path.resolve().parents:
            raise ValueError(f"The snapshot {name!r} is not in {self.snapshot_dir!r}.")
        return path


def normal_html(html: str) -> str:
    """Return HTML without comments, with one line for each tag that can."""
    html = re.sub(r"<!--.*?-->", "", html, flags=re.DOTALL)
    html = re.sub(r"\s+", " ", html).strip()
    return re.sub(r"> ?<", ">\n<", html)


def _diff(stored: str, content: str) -> str:
    lines = difflib.unified_diff(
        stored.splitlines(), content.splitlines(), "snapshot", "page", lineterm="", n=1
    )
    return _first_lines(list(lines))


def _first_lines(lines: Sequence[str]) -> str:
    """Return the first of many lines, each with a bound."""
    shown = [shorten(line) for line in lines[:_LINES]]
    more = len(lines) - _LINES
    return "\n".join([*shown, *([f"... and {more:,} more lines"] if more > 0 else [])])
