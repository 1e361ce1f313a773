"""A process, all that it starts, and what of that outlives it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 120  # that nothing here takes, on a busy machine either
MARK = "CHANNELS_TESTKIT_FAMILY"
#: What a process of the family talks to this side with.
FAMILY = """
import os

def ready(*facts):
    with open(os.environ["CHANNELS_TESTKIT_READY"], "w") as pipe:
        print(*facts, file=pipe)

def wait_for_go():
    with open(os.environ["CHANNELS_TESTKIT_GO"]) as pipe:
        pipe.read()
"""


class Family:
    """
    Python in a session of its own, with what it starts.

    All of them have a mark in their environment.
    """

    def __init__(
        self,
        process: subprocess.Popen[Any],
        mark: str,
        ready: int,
        go: int,
        output: Path,
    ) -> None:
        self._process, self._output = process, output
        self._mark = f"{MARK}={mark}"
        self._ready, self._go = ready, go

    def wait_for_ready(self, number: int) -> list[str]:
        """Return what so many calls of ``ready()`` have said."""
        said = b""
        while said.count(b"\n") < number:
            if not select.select([self._ready], [], [], SECONDS)[0]:
                raise AssertionError(f"not ready: {self._output.read_text()}")
            said += os.read(self._ready, 4096)
        return said.decode().split()

    def members(self) -> dict[int, str]:
        """Return the processes that run, and how each was started."""
        marked = {pid for pid in _processes() if self._has_mark(pid)}
        # A program that has renamed itself may have overwritten its mark.
        found = {pid for pid in _processes() if {pid, _parent(pid)} & marked}
        return {pid: _read(pid, "cmdline").replace("\0", " ")[:80] for pid in found}

    def _has_mark(self, pid: int) -> bool:
        return self._mark in _read(pid, "environ").split("\0")

    def kill(self) -> dict[int, str]:
        """
        Kill the first process; return those that do not end then.

        Those that have called ``wait_for_go()`` go on.
        """
        members = self.members()
        self._process.kill()
        self._process.wait()
        os.close(self._go)
        deadline = time.monotonic() + SECONDS
        while members:
            left = {
                pid: command
                for pid, command in members.items()
                if not _ends(pid, deadline - time.monotonic())
            }
            if left or time.monotonic() > deadline:
                return left or members
            # The last ones may have started others, to tidy up.
            members = self.members()
        return {}

    def clear(self) -> None:
        """Kill those that are left."""
        for pid in self.members():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _processes() -> list[int]:
    return [int(path.name) for path in Path("/proc").glob("[0-9]*")]


def _read(pid: int, name: str) -> str:
    """Return what /proc has of a process, or "" where it has ended."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/{name}").read_bytes().decode(errors="replace")
    return ""


def _parent(pid: int) -> int:
    # Behind the name, which is in brackets.
    _, _, stat = _read(pid, "stat").rpartition(") ")
    return int(stat.split()[1]) if stat else 0


def _ends(pid: int, seconds: float) -> bool:
    """Wait for a process to end; return whether it has."""
    with contextlib.suppress(ProcessLookupError):
        process = os.pidfd_open(pid)
        try:
            return bool(select.select([process], [], [], max(0, seconds))[0])
        finally:
            os.close(process)
    return True


@contextlib.contextmanager
def family(*arguments: str, **modules: str) -> Iterator[Family]:
    """
    Run Python for a block.

    The ``modules``, by name, can be imported there; one of them is ``family``,
    with ``ready()``, which tells this side something, and ``wait_for_go()``.
    """
    mark = uuid.uuid4().hex
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as undo:
        directory = Path(name)
        for module, source in {"family": FAMILY, **modules}.items():
            (directory / f"{module}.py").write_text(source)
        for pipe in ("ready", "go"):
            os.mkfifo(directory / pipe)
        # Both for writing as well, so that they have no end before it is made.
        ready = os.open(directory / "ready", os.O_RDWR)
        undo.callback(os.close, ready)
        go = os.open(directory / "go", os.O_RDWR)
        environment = {
            **os.environ,
            MARK: mark,
            "CHANNELS_TESTKIT_READY": str(directory / "ready"),
            "CHANNELS_TESTKIT_GO": str(directory / "go"),
            "CHANNELS_TESTKIT_DATABASE": "sqlite-memory",
            "PYTHONPATH": os.pathsep.join([name, str(ROOT)]),
        }
        output = directory / "output"
        process = undo.enter_context(
            subprocess.Popen(
                [sys.executable, *arguments],
                cwd=name,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=undo.enter_context(output.open("wb")),
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        )
        members = Family(process, mark, ready, go, output)
        undo.callback(members.clear)
        yield members
