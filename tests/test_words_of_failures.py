"""What no failure text says: names of what only this package knows."""

from __future__ import annotations

import ast
import re
import unittest
from pathlib import Path
from typing import TYPE_CHECKING

from .utils import FAILURES

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "channels_testkit"
REFERENCE = ROOT / "docs"
#: Of two words at least: one is also a word.
CLASS = re.compile(r"^_?(?:[A-Z][a-z0-9]+){2,}$")


def internal_names() -> set[str]:
    """Return the classes of the package that no page of the docs names."""
    pages = "".join(page.read_text() for page in REFERENCE.rglob("*.rst"))
    public = set(re.findall(r"\w+", pages)) | exported_names()
    return {name for name in classes() if CLASS.match(name)} - public


def classes() -> Iterator[str]:
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                yield node.name


def exported_names() -> set[str]:
    import channels_testkit

    return set(channels_testkit.__all__)


class NamesTests(unittest.TestCase):
    def texts(self) -> Iterator[tuple[str, str]]:
        for path in FAILURES.rglob("*.txt"):
            yield path.stem, path.read_text()

    def test_of_internal_classes(self) -> None:
        names = internal_names()
        self.assertIn("RestWatch", names)
        for stem, text in self.texts():
            with self.subTest(stem):
                self.assertEqual(names & set(re.findall(r"\w+", text)), set())

    def test_of_private_functions_and_files_of_the_package(self) -> None:
        files = {path.name for path in PACKAGE.rglob("*.py")}
        for stem, text in self.texts():
            with self.subTest(stem):
                # Who has sent a message is no function of the package.
                told = re.sub(r"\n {8}by .*, in .*", "", text)
                self.assertNotRegex(told, r"\w\._[a-z]|__init__\(|<channels_testkit")
                lines = re.findall(r"(\w+\.py):\d+", text)
                self.assertEqual(files & set(lines), set())
