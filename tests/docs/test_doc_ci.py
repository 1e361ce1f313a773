"""The recipes of docs/topics/ci.rst: their commands, variables and folders."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

from channels_testkit.browser.chromium import find_programs
from channels_testkit.testcases.requirements import SERVICES
from tests.utils import starts_programs

from .commands import PAGES, ROOT, check_command, check_variable, commands_of

RECIPES = ROOT / "tests" / "docs" / "ci"
CHAT = ROOT / "docs" / "examples" / "chat"
TEST = "chat.tests.test_browser.RoomPageTests.test_two_windows_chat"
FOLDERS = ("CHANNELS_TESTKIT_TIMELINES", "CHANNELS_TESTKIT_EVIDENCE")


def parsed(name: str) -> dict[Any, Any]:
    import yaml

    recipe: dict[Any, Any] = yaml.safe_load((RECIPES / name).read_text())
    return recipe


@unittest.skipUnless(
    importlib.util.find_spec("yaml"),
    "this reads YAML (python -m pip install PyYAML)",
)
class RecipeTests(unittest.TestCase):
    def assert_variables(self, variables: dict[str, str], kept: str) -> None:
        for name in variables:
            if name.startswith("CHANNELS_TESTKIT_"):
                check_variable(name)
        required = variables["CHANNELS_TESTKIT_REQUIRE"].split(",")
        self.assertLessEqual(set(required), set(SERVICES))
        for name in FOLDERS:
            self.assertEqual(Path(variables[name]).parent, Path(kept))

    def assert_commands(self, lines: list[str]) -> None:
        self.assertGreaterEqual(len(lines), 2)
        for line in lines:
            with self.subTest(line):
                check_command(line)

    def test_github(self) -> None:
        job = parsed("github.yml")["jobs"]["tests"]
        runs = [step["run"] for step in job["steps"] if "run" in step]
        self.assert_commands([line for run in runs for line in run.splitlines()])
        kept = job["steps"][-1]
        self.assertEqual(kept["if"], "failure()")
        self.assert_variables(job["env"], kept["with"]["path"])
        server = job["services"]["postgres"]["env"]
        self.assertEqual(server["POSTGRES_PASSWORD"], job["env"]["PGPASSWORD"])

    def test_gitlab(self) -> None:
        job = parsed("gitlab.yml")["tests"]
        self.assert_commands(job["before_script"] + job["script"])
        variables = job["variables"]
        self.assert_variables(variables, *job["artifacts"]["paths"])
        self.assertEqual(variables["POSTGRES_PASSWORD"], variables["PGPASSWORD"])
        server, _, _ = job["services"][0].partition(":")
        self.assertEqual(variables["PGHOST"], server)
        (cached,) = job["cache"]["paths"]
        self.assertEqual(variables["PIP_CACHE_DIR"], f"$CI_PROJECT_DIR/{cached}")

    def test_nightly(self) -> None:
        steps = parsed("nightly.yml")["jobs"]["races"]["steps"]
        self.assert_commands([step["run"] for step in steps if "run" in step])
        for name in steps[-1]["env"]:
            check_variable(name)


class PageTests(unittest.TestCase):
    def test_commands_are_such_that_can_be_typed(self) -> None:
        found = commands_of(PAGES / "ci.rst")
        self.assertEqual(found, ["python -m pytest -n auto"])
        check_command(found[0])


@starts_programs
class ArtifactTests(unittest.TestCase):
    """Runs the example project's test of a browser, which fails."""

    def setUp(self) -> None:
        find_programs()

    def test_a_failed_test_leaves_what_the_recipes_keep(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            copy = Path(directory, "chat")
            shutil.copytree(CHAT, copy)
            tests = copy / "chat" / "tests" / "test_browser.py"
            tests.write_text(tests.read_text().replace("hello", "hullo", 1))
            printed = self.run_tests(copy)
            left = {path.name for path in Path(copy, "test-results").rglob("*")}
        self.assertIn("screenshot.png", left, printed)
        self.assertIn("frames.log", left, printed)
        self.assertTrue(any(name.endswith(".html") for name in left), printed)

    def run_tests(self, directory: Path) -> str:
        variables = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("COVERAGE", "DJANGO"))
        }
        ended = subprocess.run(
            [sys.executable, "manage.py", "test", TEST],
            cwd=directory,
            env={
                **variables,
                "PYTHONPATH": str(ROOT),
                "CHANNELS_TESTKIT_TIMELINES": "test-results/timelines",
                "CHANNELS_TESTKIT_EVIDENCE": "test-results/browsers",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return ended.stdout
