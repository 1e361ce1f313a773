from __future__ import annotations

import os
import unittest
from unittest import mock

from django.core.exceptions import ImproperlyConfigured

from channels_testkit.testcases.requirements import installed, is_required, skip_or_fail


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
            ("postgres,", False),
        ]:
            with self.subTest(names), requiring(names):
                self.assertEqual(is_required("redis"), required)

    def test_name_that_is_not_known_is_refused_at_the_first_decision(self) -> None:
        with requiring("live,browsr"), self.assertRaises(ImproperlyConfigured) as told:
            is_required("live")
        self.assertEqual(
            str(told.exception),
            "CHANNELS_TESTKIT_REQUIRE names 'browsr', which is not known. It can name"
            " 'redis', 'postgres', 'mariadb', 'browser', 'live'.",
        )

    def test_module_is_installed_or_not(self) -> None:
        self.assertIs(installed("os"), os)
        self.assertIsNone(installed("not_installed.at_all"))
