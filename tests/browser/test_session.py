"""One Chromium: how it is started, commanded and left."""

from __future__ import annotations

import os
import unittest
from pathlib import Path
from unittest import mock

from channels_testkit.browser import BrowserTestCase
from channels_testkit.testcases.requirements import installed

DEVTOOLS = "channels_testkit.browser.devtools"
SESSION = "channels_testkit.browser.session"


@unittest.skipUnless(installed(SESSION), "needs Selenium")
class StartTests(unittest.TestCase):
    def arguments(self, user):
        from channels_testkit.browser import session

        # What is passed to Chromium cannot be asked of it.
        with (
            mock.patch.object(session, "Chrome") as chrome,
            mock.patch.object(os, "geteuid", return_value=user),
        ):
            session.start("chromium", ["--lang=de"], driver=None)
        return chrome.call_args.kwargs["options"].arguments

    def test_arguments_of_the_class_are_passed_on(self):
        self.assertIn("--lang=de", self.arguments(user=1000))

    def test_only_root_has_no_sandbox(self):
        self.assertNotIn("--no-sandbox", self.arguments(user=1000))
        self.assertIn("--no-sandbox", self.arguments(user=0))


class SessionTests(BrowserTestCase):
    def test_browser_that_cannot_be_watched_is_ended(self):
        started = []

        def devtools_url(driver):
            started.append(driver)
            raise OSError("no such file")

        # Chromium does not fail to say where it listens.
        with mock.patch(f"{SESSION}.devtools_url", devtools_url):
            with self.assertRaisesRegex(OSError, "no such file"):
                self.open_page("/pages/empty/")
        [driver] = started
        self.assertIsNotNone(driver.service.process.poll())
        profile = Path(driver.capabilities["chrome"]["userDataDir"])
        self.assertFalse(profile.parent.exists())

    def test_command_that_fails(self):
        browser = self._browser(None)
        with self.assertRaisesRegex(RuntimeError, r"^No\.such failed: "):
            browser.devtools.command("No.such")

    def test_command_without_an_answer(self):
        tools = self._browser(None).devtools
        with (
            mock.patch(f"{DEVTOOLS}._SECONDS_TO_ANSWER", 0),
            mock.patch.object(tools, "_send"),
            self.assertRaisesRegex(RuntimeError, "did not answer Browser.getVersion"),
        ):
            tools.command("Browser.getVersion")

    def test_window_that_does_not_close(self):
        browser = self._browser(None)
        with (
            mock.patch(f"{SESSION}._SECONDS_TO_CLOSE", 0),
            mock.patch.object(browser.devtools, "pages", list),
            self.assertRaisesRegex(RuntimeError, "did not close a page"),
        ):
            browser.start_afresh()

    def test_window_that_the_test_has_closed(self):
        from selenium.common.exceptions import NoSuchWindowException

        browser = self.open_page("/pages/empty/")
        browser.switch_to.new_window("tab")
        browser.close()
        with self.assertRaises(NoSuchWindowException):
            self.assertPageShows("p")
