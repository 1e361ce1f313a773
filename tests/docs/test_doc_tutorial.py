"""What the page about the tutorial of Channels shows is what happens."""

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

from tests.pytest_plugin.inner import plugin_options
from tests.utils import starts_programs

from .test_docs import DOCS, ROOT, page_of

TUTORIAL = DOCS / "examples" / "tutorial"
HEARD = "chat.tests.ChatTests.test_everyone_in_the_room_hears_it"
PYTEST = ("-m", "pytest", "-p", "no:cacheprovider", "-p", "no:randomly")


@starts_programs
class TutorialTests(unittest.TestCase):
    """Each starts another Python, in a copy of the project."""

    maxDiff = None

    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.project = Path(directory.name, "mysite")
        ours = shutil.ignore_patterns("__pycache__", ".*", "db.sqlite3")
        shutil.copytree(TUTORIAL, self.project, ignore=ours)

    def run_python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        # A reader has no debug mode, and no settings of this suite.
        ours = ("PYTHON", "DJANGO_", "PYTEST_")
        variables = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.project,
            env={**variables, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )

    def take_consumer_of(self, folder: str) -> None:
        consumers = self.project / "chat" / "consumers.py"
        shutil.copy(self.project / folder / "consumers.py", consumers)

    def assertPasses(self, *arguments: str, expected: str) -> None:
        ended = self.run_python(*arguments)
        self.assertEqual(ended.returncode, 0, ended.stdout + ended.stderr)
        self.assertRegex(ended.stdout + ended.stderr, expected)

    # The tests in a browser run where the example projects' own do.

    def test_manage_py_runs_the_tests(self) -> None:
        self.assertPasses("manage.py", "test", "chat.tests", expected=r"Ran 6 tests")

    @unittest.skipUnless(
        importlib.util.find_spec("pytest_django"),
        "this runs pytest-django (python -m pip install pytest-django)",
    )
    def test_pytest_runs_the_tests(self) -> None:
        tests = (*PYTEST, *plugin_options(), "chat/tests.py")
        self.assertPasses(*tests, expected=r"\b6 passed\b")

    def test_the_sync_consumer_passes_the_same_tests(self) -> None:
        self.take_consumer_of("part_2")
        self.assertPasses("manage.py", "test", "chat.tests", expected=r"Ran 6 tests")

    def test_the_page_shows_the_failure(self) -> None:
        self.take_consumer_of("mistake")
        printed = self.run_python("manage.py", "test", HEARD).stderr
        found = re.search(r"\S*NoFrame: .*?(?=\n\n-{70})", printed, re.DOTALL)
        self.assertIsNotNone(found, printed)
        failure = f"{found.group().rstrip()}\n" if found else ""
        self.assertEqual(failure, page_of("tutorial", failure))
