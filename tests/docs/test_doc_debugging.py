"""What docs/topics/debugging.rst shows and says."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from django.db import connection

from tests.pytest_plugin.inner import plugin_options
from tests.utils import OuterTestCase, run_case, run_python, starts_programs

from . import debugged
from .commands import PAGES, ROOT, check_command, commands_of
from .test_docs import page_of

DEBUGGED = "tests.docs.debugged"
CHAT = ROOT / "docs" / "examples" / "chat"
SETTINGS = "--settings=tests.settings"


def django_test(*options: str, stdin: str = "", python: tuple[str, ...] = ()) -> str:
    arguments = [*python, "-m", "django", "test", SETTINGS, *options]
    return run_python(*arguments, stdin=stdin)


def session(printed: str, commands: list[str]) -> str:
    """Return what a terminal shows of a debugger, from the first prompt on."""
    _, *answers = printed.split("(Pdb) ")
    shown = zip(commands[:-1], answers, strict=False)
    return "".join(f"(Pdb) {command}\n{answer}" for command, answer in shown)


@starts_programs
class DebuggerTests(unittest.TestCase):
    maxDiff = None

    def test_a_breakpoint_stops_in_a_consumer(self) -> None:
        commands = ["p answer", "p self.scope['path']", "continue"]
        stdin = "".join(f"{command}\n" for command in commands)
        printed = django_test(f"{DEBUGGED}.LoudTests", stdin=stdin)
        self.assertIn("exit code 0", printed)
        shown = session(printed, commands)
        self.assertEqual(shown, page_of("debugger-in-a-consumer", shown))

    @unittest.skipIf(
        sys.version_info < (3, 11), "unittest tells of failures when all is closed"
    )
    def test_a_failed_test_can_go_on(self) -> None:
        commands = [
            "p ann.frames",
            "ann.send_json({'question': 'CAKE?'})",
            "p ann.receive_all_json()",
            "continue",
        ]
        stdin = "".join(f"{command}\n" for command in commands)
        printed = django_test("--pdb", f"{DEBUGGED}.QuietTests", stdin=stdin)
        self.assertIn("FAILED (failures=1)", printed)
        shown = session(printed, commands)
        self.assertEqual(shown, page_of("debugger-after-a-failure", shown))

    def test_the_orm_is_refused_in_async_code(self) -> None:
        commands = "from tests.app.models import Note\np Note.objects.count()\nc\n"
        printed = django_test(f"{DEBUGGED}.LoudTests", stdin=commands)
        self.assertIn("SynchronousOnlyOperation", printed)

    def test_blocked_loops_are_reported_in_development_mode(self) -> None:
        printed = django_test(f"{DEBUGGED}.SlowTests", python=("-X", "dev"))
        self.assertRegex(printed, r"Executing <Task pending name='ann \(/\)' .* took ")

    def test_a_debugger_and_several_processes_are_refused(self) -> None:
        printed = django_test("--pdb", "--parallel=2", f"{DEBUGGED}.LoudTests")
        self.assertIn("You cannot use --pdb with parallel tests", printed)


@unittest.skipUnless(
    importlib.util.find_spec("pytest_django"),
    "this runs pytest-django (python -m pip install pytest-django)",
)
@starts_programs
class PytestDebuggerTests(unittest.TestCase):
    def pytest(self, test: str, *options: str, stdin: str) -> str:
        return run_python(
            *("-m", "pytest", "--ds=tests.settings", "--color=no"),
            *("-p", "no:cacheprovider", "-p", "no:randomly", *plugin_options()),
            *(*options, f"{ROOT / 'tests' / 'docs' / 'debugged.py'}::{test}"),
            stdin=stdin,
        )

    def test_a_breakpoint_stops_in_a_consumer(self) -> None:
        printed = self.pytest("LoudTests", stdin="p answer\nc\n")
        self.assertIn("(Pdb) {'answer': 'TEA?'}", printed)
        self.assertIn("1 passed", printed)

    def test_a_method_has_ended_where_the_debugger_opens(self) -> None:
        stdin = "up\np ann\nann.send_json('hello')\nc\n"
        printed = self.pytest("QuietTests", "--pdb", stdin=stdin)
        self.assertIn("(Pdb) <WSClient", printed)
        self.assertRegex(printed, r"\(Pdb\) \*\*\* RuntimeError: .* has ended")


class FlakyTests(OuterTestCase):
    def test_state_of_a_module_outlives_a_test(self) -> None:
        debugged.online.clear()
        self.addCleanup(debugged.online.clear)
        self.assertEqual(len(run_case(debugged.OnlineTests).raised), 1)
        self.assertEqual(run_case(debugged.ClearedOnlineTests).texts, [])

    def test_the_id_of_a_row_is_right_after_a_rollback(self) -> None:
        names = ["test_a_note_has_its_id"] * 2
        self.assertEqual(run_case(debugged.NoteTests, *names).texts, [])

    def test_the_first_id_is_1_in_a_fresh_database_of_sqlite(self) -> None:
        self.assertIn("\nOK\n", django_test(f"{DEBUGGED}.NoteTests"))

    @unittest.skipIf(connection.vendor == "sqlite", "SQLite gives ids back")
    def test_the_first_id_is_another_one_after_a_rollback(self) -> None:
        names = ["test_a_note_has_its_id", "test_a_note_has_an_id"]
        (failure,) = run_case(debugged.NoteTests, *names).texts
        self.assertIn("differs at 'id': expected 1, received ", failure)

    def test_a_shuffled_order_can_be_repeated(self) -> None:
        tests = [f"{DEBUGGED}.ClearedOnlineTests", f"{DEBUGGED}.OnlineTests"]
        printed = django_test("--shuffle", "3193102786", *tests)
        self.assertIn("Using shuffle seed: 3193102786 (given)", printed)


@starts_programs
class CoverageTests(unittest.TestCase):
    """Runs tests of the example project in two processes."""

    def test_what_other_processes_run_is_measured(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            copy = Path(directory, "chat")
            shutil.copytree(CHAT, copy)
            shutil.copy(ROOT / "tests" / "docs" / "coverage.ini", copy / ".coveragerc")
            tests = ["chat.tests.test_first", "chat.tests.test_access"]
            self.run_in(copy, "run", "manage.py", "test", "--parallel=2", *tests)
            self.run_in(copy, "combine")
            printed = self.run_in(copy, "report", "--include=chat/consumers.py")
        share = re.search(r"TOTAL.* (\d+)%", printed)
        assert share is not None, printed
        # Modules that are imported, and never run, have a third.
        self.assertGreater(int(share[1]), 50, printed)

    def run_in(self, directory: Path, *arguments: str) -> str:
        # This process may be measured itself.
        variables = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("COVERAGE", "DJANGO"))
        }
        ended = subprocess.run(
            [sys.executable, "-m", "coverage", *arguments],
            cwd=directory,
            env={**variables, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(ended.returncode, 0, ended.stdout + ended.stderr)
        return ended.stdout


class CommandTests(unittest.TestCase):
    def test_commands_are_such_that_can_be_typed(self) -> None:
        found = commands_of(PAGES / "debugging.rst")
        self.assertGreater(len(found), 8)
        for command in found:
            with self.subTest(command):
                check_command(command)
