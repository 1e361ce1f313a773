"""Replacing a name for a block, without what unittest.mock does besides."""

from __future__ import annotations

import unittest

from channels_testkit.engine.patches import Patch


class Thing:
    def method(self) -> str:
        return "real"

    @property
    def value(self) -> int:
        return 1

    @staticmethod
    def function() -> str:
        return "real"


class Inheriting(Thing):
    pass


class PatchTests(unittest.TestCase):
    def test_it_is_replaced_for_the_block(self) -> None:
        with Patch(Thing, "method", lambda self: "patched"):
            self.assertEqual(Thing().method(), "patched")
        self.assertEqual(Thing().method(), "real")

    def test_it_is_put_back_after_an_exception(self) -> None:
        with self.assertRaises(ValueError), Patch(Thing, "method", None):
            raise ValueError
        self.assertEqual(Thing().method(), "real")

    def test_properties_and_static_methods_come_back_as_they_were(self) -> None:
        for name in ("value", "function"):
            with self.subTest(name):
                before = vars(Thing)[name]
                with Patch(Thing, name, None):
                    self.assertIsNone(vars(Thing)[name])
                self.assertIs(vars(Thing)[name], before)

    def test_blocks_nest(self) -> None:
        with Patch(Thing, "method", lambda self: "outer"):
            with Patch(Thing, "method", lambda self: "inner"):
                self.assertEqual(Thing().method(), "inner")
            self.assertEqual(Thing().method(), "outer")

    def test_a_name_that_is_inherited_or_new_is_refused(self) -> None:
        for kind, name in ((Inheriting, "method"), (Thing, "other")):
            with self.subTest(name), self.assertRaises(KeyError):
                Patch(kind, name, None).__enter__()
            self.assertNotIn(name, vars(kind))
