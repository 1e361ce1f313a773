"""Running a test case inside a test, or a program, and what came of it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import textwrap
import traceback
import unittest
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from django.test import TransactionTestCase, tag

from channels_testkit.running.raised import TimelineNote

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator
    from types import TracebackType

    ExcInfo = tuple[type[BaseException], BaseException, TracebackType]

#: Of tests that start programs, with a runner and a database of their own: the
#: whole suite runs them once.
starts_programs = tag("programs")


@contextlib.contextmanager
def timers_held(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Let no timer of the loop come due for a block, however late it is."""
    with mock.patch.object(loop, "time", return_value=loop.time()):
        yield


class InnerResult(unittest.TestResult):
    """A ``TestResult`` that also keeps the exceptions, in order."""

    def __init__(self) -> None:
        super().__init__()
        #: What made tests fail, be it a failure or an error.
        self.raised: list[BaseException] = []

    @property
    def texts(self) -> list[str]:
        """What the exceptions say, in order."""
        return [str(error) for error in self.raised]

    def addError(self, test: Any, err: Any) -> None:
        self._keep(err)
        super().addError(test, err)

    def addFailure(self, test: Any, err: Any) -> None:
        self._keep(err)
        super().addFailure(test, err)

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        if err is not None:
            self._keep(err)
        super().addSubTest(test, subtest, err)

    def _keep(self, err: ExcInfo) -> None:
        self.raised.append(err[1])


class OuterTestCase(TransactionTestCase):
    """
    What runs inner test cases, which may use the database.

    It opens no transaction, because the inner classes would close its
    connection when they are done. They leave no rows.
    """

    databases = "__all__"

    def _fixture_teardown(self) -> None:
        """Save the time that flushing takes."""


def run_case(case: type[unittest.TestCase], *names: str) -> InnerResult:
    """
    Run a test case class as Django's runner does, with its class fixtures.

    All its tests are run unless some are named. A test that calls this is in
    an ``OuterTestCase``, or needs no database.
    """
    chosen = names or unittest.defaultTestLoader.getTestCaseNames(case)
    result = InnerResult()
    unittest.TestSuite(map(case, chosen)).run(result)
    return result


def told_with(error: BaseException) -> str:
    """Return what is printed of an exception on any Python."""
    return "\n".join([str(error), *getattr(error, "__notes__", ())])


def notes_of(error: BaseException) -> list[str]:
    """Return the notes of an exception, but for those with the timeline."""
    notes = getattr(error, "__notes__", [])
    return [note for note in notes if not isinstance(note, TimelineNote)]


FAILURES = Path(__file__).resolve().parent.parent / "docs" / "failures"
UPDATE_FAILURES = "CHANNELS_TESTKIT_UPDATE_FAILURES"


def assertFailureText(name: str, error: BaseException) -> None:
    """
    Compare an exception, as Python prints it, with docs/failures/<name>.txt.

    CHANNELS_TESTKIT_UPDATE_FAILURES=1 writes the file instead.
    """
    path = FAILURES / f"{name}.txt"
    printed = "".join(traceback.format_exception_only(error))
    if os.environ.get(UPDATE_FAILURES):
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(printed)
    case = unittest.TestCase()
    case.maxDiff = None
    hint = f"{UPDATE_FAILURES}=1 writes docs/failures/{name}.txt."
    expected = path.read_text() if path.exists() else ""
    case.assertMultiLineEqual(printed, expected, hint)


def run_python(
    *arguments: str,
    stdin: str = "",
    database: str | None = "sqlite-memory",
    **modules: str,
) -> str:
    """
    Run Python in a process of its own, and return all that it printed.

    The ``modules``, by name, can be imported there, like those of this suite.
    The database is in memory, whatever that of this suite is; with ``None`` it
    is of the suite's kind, but another one.
    """
    root = Path(__file__).parent.parent
    with tempfile.TemporaryDirectory() as directory:
        for name, source in modules.items():
            Path(directory, f"{name}.py").write_text(textwrap.dedent(source))
        environment = {
            **os.environ,
            **_inner_database(database),
            "PYTHONPATH": os.pathsep.join([directory, str(root)]),
        }
        ended = subprocess.run(
            [sys.executable, *arguments],
            cwd=directory,
            env=environment,
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    return f"{ended.stdout}\nexit code {ended.returncode}"


def _inner_database(kind: str | None) -> dict[str, str]:
    if kind is None:
        # Several processes of this suite may run such a one.
        return {"CHANNELS_TESTKIT_DATABASE_NAME": f"inner_{os.getpid()}"}
    return {"CHANNELS_TESTKIT_DATABASE": kind}


class LoopTestCase(unittest.IsolatedAsyncioTestCase):
    """Python's own async test case, which ``--parallel`` can take along."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Its context cannot be pickled; a new one has all that it needs.
        return type(self), (self._testMethodName,)


def entered(case: Any, manager: Any) -> Any:
    """Enter a context for a test: Python 3.10 has no ``enterContext()``."""
    result = manager.__enter__()
    case.addCleanup(manager.__exit__, None, None, None)
    return result
