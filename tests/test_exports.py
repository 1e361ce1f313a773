"""What ``channels_testkit`` offers, and that the reference describes it."""

from __future__ import annotations

import ast
import inspect
import re
import types
import unittest
from pathlib import Path

import channels_testkit
from channels_testkit import ChannelTestMixin, WebsocketTestMixin, live, redis
from channels_testkit.contrib import pages

from .completion import OF_UNITTEST, CompletionTestMixin
from .syntax import syntax_of

REFERENCE = Path(__file__).resolve().parent.parent / "docs" / "reference"


def documented_names() -> set[str]:
    """Return what the pages of the reference describe, without the package."""
    text = "\n".join(path.read_text() for path in REFERENCE.glob("*.rst"))
    return set(re.findall(r"^ *\.\. (?:auto\w+|class):: ([\w.]+)$", text, re.MULTILINE))


def own_members(kind: type) -> set[str]:
    """Return the public names that the package adds to a test case."""
    return {
        name
        for parent in kind.__mro__
        if parent.__module__.startswith("channels_testkit.")
        for name in vars(parent)
        if not name.startswith("_")
    }


class ExportTests(unittest.TestCase):
    def test_all_names_can_be_had(self):
        for name in channels_testkit.__all__:
            with self.subTest(name):
                found = getattr(channels_testkit, name)
                self.assertTrue(found.__module__.startswith("channels_testkit."))
                self.assertIn(name, dir(channels_testkit))

    def test_nothing_else_is_offered(self):
        offered = {
            name
            for name, value in vars(channels_testkit).items()
            if not name.startswith("_") and not isinstance(value, types.ModuleType)
        }
        self.assertLessEqual(offered - {"annotations"}, set(channels_testkit.__all__))

    def test_an_unknown_name_is_an_attribute_error(self):
        with self.assertRaises(AttributeError) as caught:
            channels_testkit.Nonsense  # noqa: B018 - asked for
        self.assertEqual(
            str(caught.exception),
            "module 'channels_testkit' has no attribute 'Nonsense'",
        )

    def test_type_checkers_see_the_same_names(self):
        syntax = syntax_of(Path(channels_testkit.__file__))
        (block, *_) = [
            node
            for node in syntax.body
            if isinstance(node, ast.If) and "not" not in ast.unparse(node.test)
        ]
        seen = set()
        for node in block.body:
            if isinstance(node, ast.ImportFrom):
                seen |= {alias.name for alias in node.names}
            elif isinstance(node, ast.Assign):
                seen |= {ast.unparse(target) for target in node.targets}
        self.assertEqual(seen, set(channels_testkit.__all__))

    def test_all_names_are_sorted(self):
        self.assertEqual(channels_testkit.__all__, sorted(channels_testkit.__all__))

    def test_each_name_is_in_the_reference(self):
        self.assertEqual(set(channels_testkit.__all__) - documented_names(), set())

    def test_the_reference_describes_nothing_that_is_gone(self):
        for name in documented_names():
            with self.subTest(name):
                owner, _, member = name.partition(".")
                if member:
                    self.assertTrue(hasattr(getattr(channels_testkit, owner), member))

    def test_each_member_of_a_test_case_is_in_the_reference(self):
        described = {name.rpartition(".")[2] for name in documented_names()}
        names = own_members(WebsocketTestMixin) | own_members(ChannelTestMixin)
        self.assertEqual(names - described - OF_UNITTEST, set())

    def test_each_name_has_a_docstring(self):
        for name in channels_testkit.__all__:
            with self.subTest(name):
                self.assertTrue(inspect.getdoc(getattr(channels_testkit, name)))

    def test_no_name_begins_as_pytest_wants_it(self):
        names = [name for name in channels_testkit.__all__ if name.startswith("Test")]
        self.assertEqual(names, [])


class CompletionTests(CompletionTestMixin, unittest.TestCase):
    modules = (channels_testkit, live, redis, pages)

    def test_the_reference_hides_nothing_but_unittests_methods(self):
        for path in REFERENCE.glob("*.rst"):
            hidden = re.findall(r":exclude-members: (.*)", path.read_text())
            names = {name.strip() for line in hidden for name in line.split(",")}
            with self.subTest(path.name):
                self.assertLessEqual(names, OF_UNITTEST)
