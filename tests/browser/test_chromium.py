"""Finding the browser, on a machine that may not have it."""

from __future__ import annotations

import os
import sys
import unittest
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

from django.core.exceptions import ImproperlyConfigured

from channels_testkit.browser import BrowserTestCase
from channels_testkit.browser.chromium import find_programs
from channels_testkit.testcases.requirements import installed
from tests.browser.outer import BrowserOuterTestCase
from tests.utils import entered, run_case


@unittest.skipUnless(installed("selenium"), "needs Selenium")
class FindingTests(unittest.TestCase):
    def setUp(self):
        self.folder = Path(entered(self, TemporaryDirectory()))
        variables = {"PATH": str(self.folder)}
        entered(self, mock.patch.dict(os.environ, variables, clear=True))

    def make(self, name):
        path = self.folder / name
        path.touch(0o755)
        return str(path)

    def test_by_their_names(self):
        chromedriver = self.make("chromedriver")
        for name in ["chrome", "google-chrome", "chromium-browser", "chromium"]:
            path = self.make(name)
            self.assertEqual(find_programs(), (path, chromedriver))

    def test_by_variables(self):
        self.make("chromium")
        os.environ["CHANNELS_TESTKIT_CHROMIUM"] = self.make("mine")
        os.environ["CHANNELS_TESTKIT_CHROMEDRIVER"] = self.make("my-driver")
        found = find_programs()
        self.assertEqual([Path(it).name for it in found], ["mine", "my-driver"])

    def test_variable_that_is_wrong_is_no_reason_to_skip(self):
        os.environ["CHANNELS_TESTKIT_CHROMIUM"] = "/no/chromium"
        with self.assertRaises(ImproperlyConfigured) as caught:
            find_programs()
        self.assertEqual(
            str(caught.exception),
            "CHANNELS_TESTKIT_CHROMIUM is '/no/chromium', which is not a program.",
        )

    def test_missing_one_skips_the_class(self):
        for base in (BrowserTestCase, BrowserOuterTestCase):
            result = run_case(type("Tests", (base,), {"test": self.fail}))
            [(_, reason)] = result.skipped
            self.assertEqual(
                reason,
                "Chromium was not found as chromium, chromium-browser, google-chrome,"
                " chrome: install it (Debian's package is chromium), or name it in"
                " CHANNELS_TESTKIT_CHROMIUM.",
            )
            self.assertEqual(result.texts, [])

    def test_missing_driver(self):
        self.make("chromium")
        with self.assertRaises(unittest.SkipTest) as caught:
            find_programs()
        self.assertEqual(
            str(caught.exception),
            "Chromium's driver was not found as chromedriver: install it (Debian's"
            " package is chromium-driver), or name it in"
            " CHANNELS_TESTKIT_CHROMEDRIVER.",
        )

    def test_missing_selenium(self):
        for name in ["selenium", "websocket"]:
            with self.subTest(name), mock.patch.dict(sys.modules, {name: None}):
                with self.assertRaises(unittest.SkipTest) as caught:
                    find_programs()
                self.assertEqual(
                    str(caught.exception),
                    "Selenium is not installed, or websocket-client: python -m pip"
                    ' install "channels-testkit[browser]".',
                )

    def test_required_one_fails(self):
        os.environ["CHANNELS_TESTKIT_REQUIRE"] = "redis,browser"
        with self.assertRaisesRegex(AssertionError, "Chromium was not found"):
            find_programs()


class ImportTests(unittest.TestCase):
    def test_a_call_outside_of_a_class_that_runs(self):
        with self.assertRaisesRegex(AttributeError, "has no browsers now"):
            BrowserTestCase("run")._browsers  # noqa: B018 - a property
