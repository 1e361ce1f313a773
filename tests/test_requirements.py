from __future__ import annotations

import os
import unittest
from unittest import mock

from channels_testkit.requirements import installed, is_required, skip_or_fail


def requiring(names: str) -> mock._patch_dict:
    """Set CHANNELS_TESTKIT_REQUIRE for a block."""
    return mock.patch.dict(os.environ, {"CHANNELS_TESTKIT_REQUIRE": names})


class RequirementTests(unittest.TestCase):
    def test_what_is_missing_skips(self) -> None:
        with requiring(""), self.assertRaises(unittest.SkipTest) as caught:
            skip_or_fail("redis", "No Redis server.")
        self.assertEqual(str(caught.exception), "No Redis server.")

    def test_what_is_required_and_missing_fails(self) -> None:
        with requiring("postgres,redis"), self.assertRaises(AssertionError) as caught:
            skip_or_fail("redis", "No Redis server.")
        self.assertEqual(
            str(caught.exception),
            "No Redis server.\n\nCHANNELS_TESTKIT_REQUIRE names 'redis'.",
        )

    def test_names_are_separated_by_commas(self) -> None:
        for names, required in [
            ("redis", True),
            ("postgres, redis ,browser", True),
            ("", False),
            ("redis-cluster", False),
        ]:
            with self.subTest(names), requiring(names):
                self.assertEqual(is_required("redis"), required)

    def test_module_is_installed_or_not(self) -> None:
        self.assertIs(installed("os"), os)
        self.assertIsNone(installed("not_installed.at_all"))
