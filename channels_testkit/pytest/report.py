"""What a report of pytest says besides the exception."""

from __future__ import annotations

import sys
import traceback
from typing import TYPE_CHECKING, Any

from channels_testkit.engine.notes import text_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest

    from channels_testkit.running.run import TestRun

if sys.version_info < (3, 11):
    # pytest brings it there.
    from exceptiongroup import BaseExceptionGroup  # type: ignore[import-not-found]

_MOST = 8


def add_sections(
    report: pytest.TestReport,
    *,
    seen: tuple[str, str],
    more_failures: Iterable[BaseException],
) -> None:
    """Add what was seen, and further failures, to a report that failed."""
    shown: Any = report.longrepr
    add = getattr(shown, "addsection", None)
    if add is None:
        return
    title, text = seen
    if text:
        add(title, text)
    for error in more_failures:
        text = "".join(traceback.format_exception(error)).rstrip()
        add("Also found at the end of the test", text)


def raise_first(
    failures: list[BaseException], more_failures: list[BaseException]
) -> None:
    """Raise the first failure; keep the others."""
    __tracebackhide__ = True
    if failures:
        more_failures += failures[1:]
        raise failures[0]


def raise_both(error: BaseException, failures: list[BaseException]) -> None:
    """Raise what a finalizer has raised, with the failures of the test."""
    __tracebackhide__ = True
    if failures:
        raise BaseExceptionGroup("at the end of the test", [error, *failures])
    raise error


def seen_in(run: TestRun) -> tuple[str, str]:
    """
    Return what has happened in a test, with its title.

    It is one order of all, or the transcript where there was one actor.
    """
    if events := run.last_events("\n".join(map(text_of, run.raised))):
        return "Timeline", events
    return "Transcripts of the test's connections", _transcripts(run)


def _transcripts(run: TestRun) -> str:
    """Return those of the connections that no failure has shown."""
    connections = [
        connection
        for opened in run.opened.items
        if (connection := getattr(opened, "connection", None)) is not None
    ]
    shown = "\n".join(map(text_of, run.raised))
    texts = [str(connection.transcript) for connection in connections[:_MOST]]
    if len(connections) > _MOST:
        texts.append(f"... and {len(connections) - _MOST} more connections")
    return "\n\n".join(text for text in texts if _before_the_end(text) not in shown)


def _before_the_end(transcript: str) -> str:
    """Return one without the disconnect that the end of the test brings."""
    *lines, last = transcript.splitlines()
    return "\n".join(lines) if "-> disconnect" in last else transcript
