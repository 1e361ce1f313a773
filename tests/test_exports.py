"""What ``channels_testkit`` offers, and that the reference describes it."""

from __future__ import annotations

import inspect
import re
import types
import unittest
from pathlib import Path

import channels_testkit
from channels_testkit import ChannelTestMixin, WebsocketTestMixin

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
    def test_all_names_are_what_is_offered(self):
        offered = {
            name
            for name, value in vars(channels_testkit).items()
            if not name.startswith("_") and not isinstance(value, types.ModuleType)
        }
        offered |= {"ChannelLiveServerTestCase", "LiveServerTestCase"}  # when asked for
        self.assertEqual(offered - {"annotations"}, set(channels_testkit.__all__))

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

    def test_each_assertion_is_in_the_reference(self):
        described = {name.rpartition(".")[2] for name in documented_names()}
        names = own_members(WebsocketTestMixin) | own_members(ChannelTestMixin)
        asserting = {name for name in names if re.match(r"a?assert|capture", name)}
        # Django's own, described with the test case that overrides them.
        asserting -= {"assertNumQueries", "captureOnCommitCallbacks"}
        self.assertEqual(asserting - described, set())

    def test_each_name_has_a_docstring(self):
        for name in channels_testkit.__all__:
            with self.subTest(name):
                self.assertTrue(inspect.getdoc(getattr(channels_testkit, name)))

    def test_no_name_begins_as_pytest_wants_it(self):
        names = [name for name in channels_testkit.__all__ if name.startswith("Test")]
        self.assertEqual(names, [])
