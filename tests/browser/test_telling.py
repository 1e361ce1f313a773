"""What goes wrong on a page fails the test, and leaves evidence."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import warnings
from pathlib import Path
from unittest import mock

from channels.generic.websocket import WebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from django.urls import path

from channels_testkit import ChannelsTestkitWarning
from channels_testkit.browser import BrowserTestCase
from channels_testkit.engine.added_lines import add_to_text
from tests.app.asgi import websocket_routes
from tests.browser.outer import BrowserOuterTestCase
from tests.utils import run_case

SECURITY = ["django.middleware.security.SecurityMiddleware"]
PNG = b"\x89PNG"


class ClosedConsumer(WebsocketConsumer):
    def connect(self):
        self.close()


def kill(case):
    """Kill the browser as the system would that has run out of memory."""
    devtools = case._browser(None).devtools
    processes = devtools.command("SystemInfo.getProcessInfo")["processInfo"]
    [pid] = [it["id"] for it in processes if it["type"] == "browser"]
    os.kill(pid, signal.SIGKILL)


class Bodies:
    """Tests that are run by those below, all in one Chromium."""

    application = ProtocolTypeRouter(
        {
            "http": get_asgi_application(),
            "websocket": URLRouter(
                [*websocket_routes, path("ws/closed/", ClosedConsumer.as_asgi())]
            ),
        }
    )

    def setUp(self):
        if self._testMethodName == "test_setup_fails":
            self.open_page("/pages/empty/")
            raise ValueError("in setUp()")

    def test_setup_fails(self):
        """Not reached."""

    def test_error(self):
        self.open_page("/pages/broken/")

    def test_rejection(self):
        self.open_page("/pages/rejecting/")

    def test_rejection_that_is_handled(self):
        self.open_page("/pages/forgiving/")
        self.assertPageShows("p", "caught")

    def test_failed_socket(self):
        self.open_page("/pages/unconnected/")
        self.assertPageShows("p", "closed")

    def test_missing(self):
        self.open_page("/pages/incomplete/")
        self.assertPageShows("p", "loaded")

    def test_what_is_missing_is_expected(self):
        with self.assertPageError("GET /missing.js: 404"):
            with self.assertPageError("GET /missing.css: 404"):
                self.open_page("/pages/incomplete/")

    def test_two_errors(self):
        self.open_page("/pages/broken/")
        self.open_page("/pages/rejecting/")

    def test_errors_that_are_expected(self):
        with self.assertPageError("missing") as errors:
            self.open_page("/pages/broken/")
        self.assertEqual([error.text[:14] for error in errors], ["ReferenceError"])
        with self.assertPageError():
            self.open_page("/pages/rejecting/")

    def test_another_error_than_expected(self):
        with self.assertPageError("missing", timeout=0, msg="all is well"):
            self.open_page("/pages/rejecting/")

    def test_no_error_where_one_is_expected(self):
        with self.assertPageError(timeout=0):
            self.open_page("/pages/empty/")

    def test_block_that_raises(self):
        with self.assertPageError("missing"):
            raise ValueError("in the block")

    @override_settings(SECURE_SSL_REDIRECT=True, MIDDLEWARE=SECURITY)
    def test_redirect_to_https(self):
        self.open_page("/pages/empty/")

    def test_view_raises(self):
        self.open_page("/failing/")

    def test_failure(self):
        self.open_page("/pages/binary/")
        self.assertPageReceives("plain")
        browser = self.new_browser()
        self.open_page("/pages/changing/", browser)
        browser.switch_to.new_window("tab")
        self.fail("as it should")

    def test_failure_without_a_browser(self):
        self.fail("as it should")

    def test_skipped(self):
        self.open_page("/pages/empty/")
        self.skipTest("not today")

    def test_evidence_elsewhere(self):
        self.evidence_dir = None
        self.open_page("/pages/empty/")
        self.fail("as it should")

    def test_no_policy(self):
        self.check_page = "off"
        self.open_page("/pages/broken/")

    def test_warning(self):
        self.check_page = "warn"
        self.open_page("/pages/broken/")

    def test_warning_that_is_an_error(self):
        """The last one: the filter is put back when all have run."""
        warnings.simplefilter("error", ChannelsTestkitWarning)
        self.check_page = "warn"
        self.open_page("/pages/broken/")

    def test_killed(self):
        self.open_page("/pages/empty/")
        kill(self)
        self.assertPageShows("p")

    def test_killed_in_a_call_of_the_driver(self):
        self.open_page("/pages/empty/")
        kill(self)
        self.open_page("/pages/empty/")

    def test_killed_while_frames_are_awaited(self):
        self.open_page("/pages/empty/")
        kill(self)
        self.assertPageReceives("x")

    def test_killed_at_the_end(self):
        self.open_page("/pages/empty/")
        kill(self)

    def test_left_as_it_is(self):
        def fail():
            raise RuntimeError("not fresh")

        self.open_page("/pages/empty/")
        self._browser(None).start_afresh = fail

    def test_next(self):
        self.open_page("/pages/empty/")


class TellingTests(BrowserOuterTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        names = {"__module__": __name__, "evidence_dir": cls.folder}
        case = type("Tests", (Bodies, BrowserTestCase), names)
        with warnings.catch_warnings(record=True) as cls.warned:
            warnings.simplefilter("always", ChannelsTestkitWarning)
            cls.result = run_case(case)

    def told(self, name):
        """Return what is printed of a test, without the folder."""
        return [
            text.replace(str(self.folder), "...")
            for test, text in [*self.result.failures, *self.result.errors]
            if test.id().rpartition(".")[2] == f"test_{name}"
        ]

    def told_once(self, name):
        """Return the one text that is printed of a test."""
        texts = self.told(name)
        self.assertEqual(len(texts), 1, "\n\n".join(texts))
        return texts[0]

    def evidence(self, name):
        return self.folder / f"{__name__}.Tests.test_{name}"

    def test_errors_of_pages_fail_their_tests(self):
        for name, verdict in [
            ("error", "ReferenceError: missing is not defined."),
            ("rejection", "Error: not today."),
            ("two_errors", "ReferenceError: missing is not defined, and 1 more."),
            (
                "failed_socket",
                "WebSocket /ws/closed/ failed: Error during WebSocket handshake:"
                " Unexpected response code: 403.",
            ),
        ]:
            with self.subTest(name):
                text = self.told_once(name)
                self.assertIn(f"AssertionError: Page error: {verdict}\n\n", text)
                self.assertIn(f"Browser evidence: .../{__name__}.Tests.test_", text)
                self.assertNotIn("Traceback", text)

    def test_socket_that_was_refused_says_why(self):
        self.assertRegex(
            self.told_once("failed_socket"),
            r"\nThe live server refused the WebSocket /ws/closed/: close code 1000;"
            r" scope\['user'\]: not set; Origin: http://127\.0\.0\.1:\d+\.\n",
        )

    def test_redirect_to_https_names_the_setting(self):
        text = self.told_once("redirect_to_https")
        self.assertIn("ERR_SSL_PROTOCOL_ERROR", text)
        self.assertNotIn("Stacktrace", text)
        self.assertRegex(
            text,
            r"\nThe live server redirected GET /pages/empty/ to"
            r" https://127\.0\.0\.1:\d+/pages/empty/, where nothing is served:"
            r" SECURE_SSL_REDIRECT is True\. Turn it off for the test:"
            r" @override_settings\(SECURE_SSL_REDIRECT=False\)\.\n",
        )

    def test_parts_of_a_page_that_are_missing_fail_its_test(self):
        text = self.told_once("missing")
        self.assertRegex(
            text, r"Page error: GET /missing\.(css|js): 404, and 1 more\.\n"
        )

    def test_errors_that_are_no_failures(self):
        for name in [
            "errors_that_are_expected",
            "no_policy",
            "rejection_that_is_handled",
            "skipped",
            "warning",
            "what_is_missing_is_expected",
        ]:
            with self.subTest(name):
                self.assertEqual(self.told(name), [])
                self.assertFalse(self.evidence(name).exists())

    def test_error_that_is_expected_and_does_not_come(self):
        nothing = self.told_once("no_error_where_one_is_expected")
        self.assertIn("No page had an error within 0 s.", nothing)
        another, told = self.told("another_error_than_expected")
        self.assertIn("No page had an error with 'missing' within 0 s", another)
        self.assertIn("Page error: Error: not today.", told)
        raised = self.told_once("block_that_raises")
        self.assertIn("ValueError: in the block", raised)

    def test_warnings(self):
        [warning] = [str(it.message) for it in self.warned]
        self.assertIn("Tests.test_warning: Page error: Reference", warning)
        told = self.told_once("warning_that_is_an_error")
        self.assertIn("Tests.test_warning_that_is_an_error: Page error: Refer", told)

    def test_nonsense_is_refused(self):
        for name, value in [("check_page", "loud"), ("browser_timeout", "long")]:
            case = type("Tests", (Bodies, BrowserTestCase), {name: value})
            [error] = run_case(case).raised
            self.assertIsInstance(error, ImproperlyConfigured)

    def test_evidence_of_each_browser_and_window(self):
        text = self.told_once("failure")
        where = f".../{__name__}.Tests.test_failure"
        self.assertTrue(
            text.endswith(f": as it should\nBrowser evidence: {where}\n"), text
        )
        folder = self.evidence("failure")
        files = [path.relative_to(folder).as_posix() for path in folder.rglob("*.*")]
        self.assertEqual(
            sorted(files),
            [
                "browser-2/console.log",
                "browser-2/frames.log",
                "browser-2/page-2.html",
                "browser-2/page.html",
                "browser-2/screenshot-2.png",
                "browser-2/screenshot.png",
                "console.log",
                "frames.log",
                "page.html",
                "screenshot.png",
            ],
        )
        self.assertIn("binaryType", (folder / "page.html").read_text())
        self.assertIn("<h1>Orders", (folder / "browser-2" / "page.html").read_text())
        self.assertEqual((folder / "screenshot.png").read_bytes()[:4], PNG)
        frames = (folder / "frames.log").read_text()
        self.assertIn("/ws/echo/ -> b'\\x00\\x01'\n", frames)
        self.assertIn("/ws/echo/ <- 'plain'\n", frames)
        console = (folder / "console.log").read_text()
        self.assertEqual(console, "log: opened 1 Object\n")

    def test_evidence_of_what_is_told_otherwise(self):
        in_setup = self.told_once("setup_fails")
        self.assertIn("ValueError: in setUp()\nBrowser evidence: ...", in_setup)
        in_view = self.told_once("view_raises")
        self.assertIn("ValueError: the view is broken\n", in_view)
        self.assertIn("\nBrowser evidence: ", in_view)
        page = self.evidence("view_raises") / "page.html"
        self.assertIn("Server Error", page.read_text())

    def test_no_evidence_where_there_is_no_browser(self):
        text = self.told_once("failure_without_a_browser")
        self.assertTrue(text.endswith("AssertionError: as it should\n"), text)

    def test_evidence_is_among_temporary_files_where_nothing_says_another(self):
        text = self.told_once("evidence_elsewhere")
        path = Path(text.rstrip().rpartition("Browser evidence: ")[2])
        self.addCleanup(shutil.rmtree, path)
        self.assertTrue((path / "screenshot.png").exists())
        self.assertEqual(path.parents[1], Path(tempfile.gettempdir()))

    def test_variable_says_where_evidence_is(self):
        from channels_testkit.browser.evidence import save_evidence

        variables = {"CHANNELS_TESTKIT_EVIDENCE": str(self.folder)}
        with mock.patch.dict(os.environ, variables):
            self.assertEqual(
                save_evidence([], "a <test>", "b"), self.folder / "a_test_"
            )

    def test_killed_browser_fails_its_test_and_no_other(self):
        for name in [
            "killed",
            "killed_at_the_end",
            "killed_in_a_call_of_the_driver",
            "killed_while_frames_are_awaited",
        ]:
            with self.subTest(name):
                text = self.told_once(name)
                self.assertIn("The browser has gone: Chromium was killed, or", text)
                self.assertIn("\nBrowser evidence: ...", text)
        self.assertTrue((self.evidence("killed") / "not-saved.txt").exists())
        self.assertEqual(self.told("next"), [])

    def test_browser_that_cannot_be_made_fresh_is_ended_and_told(self):
        text = self.told_once("left_as_it_is")
        self.assertIn("RuntimeError: not fresh", text)

    def test_line_is_added_to_a_text_where_there_are_no_notes(self):
        from selenium.common.exceptions import WebDriverException

        for error, text in [
            (AssertionError("no"), "no\na line"),
            (AssertionError(), "\na line"),
            (ValueError("no", 1), "('no\\na line', 1)"),
        ]:
            add_to_text(error, "a line")
            self.assertEqual(str(error), text)
        from_selenium = WebDriverException("no")
        add_to_text(from_selenium, "a line")
        self.assertEqual(from_selenium.msg, "no\na line")
