"""What a page's Content-Security-Policy blocks is an error of the page."""

from __future__ import annotations

import unittest

from django.http import HttpResponse
from django.test import override_settings
from django.urls import path

from channels_testkit.browser import BrowserTestCase
from channels_testkit.browser.policies import blocked

ENFORCED = "Content-Security-Policy"
REPORTED = "Content-Security-Policy-Report-Only"


def issue(**details):
    details = {
        "violatedDirective": "connect-src",
        "contentSecurityPolicyViolationType": "kURLViolation",
        "blockedURL": "ws://chat.example/",
        "isReportOnly": False,
        **details,
    }
    return {"details": {"contentSecurityPolicyIssueDetails": details}}


class BlockedTests(unittest.TestCase):
    def test_directive_is_quoted_as_the_console_does(self):
        for said, policy in [
            ("", "connect-src"),
            (
                "Connecting to 'ws://chat.example/' violates the following Content"
                " Security Policy directive: \"default-src 'self'\". Note that",
                "default-src 'self'",
            ),
            (
                "Refused to connect to 'ws://chat.example/' because it violates the"
                " following Content Security Policy directive: \"connect-src 'none'\"."
                "\n",
                "connect-src 'none'",
            ),
            (
                "Applying inline style violates the following Content Security Policy"
                " directive 'style-src 'self''. Either the 'unsafe-inline' keyword",
                "style-src 'self'",
            ),
        ]:
            text = f"Content-Security-Policy blocks ws://chat.example/: {policy}"
            self.assertEqual(blocked(issue(), said), text)

    def test_long_directive_is_cut(self):
        said = f'directive: "connect-src {"a.example " * 200}".'
        self.assertLess(len(blocked(issue(), said)), 300)

    def test_what_is_inline_has_no_address(self):
        for directive, text in [
            ("script-src-elem", "an inline script: script-src-elem"),
            ("style-src-attr", "an inline style: style-src-attr"),
        ]:
            details = issue(
                violatedDirective=directive,
                contentSecurityPolicyViolationType="kInlineViolation",
                blockedURL="",
            )
            text = f"Content-Security-Policy blocks {text}"
            self.assertEqual(blocked(details, ""), text)

    def test_other_issues_are_passed_over(self):
        for other in [
            {"details": {"deprecationIssueDetails": {}}},
            issue(isReportOnly=True),
            issue(violatedDirective="img-src"),
            issue(contentSecurityPolicyViolationType="kEvalViolation"),
        ]:
            self.assertEqual(blocked(other, ""), "")


def page(name, body, policy=ENFORCED):
    """Return the route of a page that may run its own scripts only."""

    def view(request):
        return HttpResponse(f"<!doctype html>{body}", headers={policy: POLICY})

    return path(f"{name}/", view)


def script(code):
    done = "const done = () => document.body.append('done');"
    return f"<body><script nonce=x>{done}{code}</script>"


POLICY = "default-src 'nonce-x'; frame-src 'none'; worker-src blob:"
SOCKET = "new WebSocket('/ws/echo/')"
PAGES = (
    page("socket", script(SOCKET)),
    page("events", script("new EventSource('/events/')")),
    page("fetch", script("fetch('/other/').catch(done)")),
    page("script", "<script src=/other.js></script>"),
    page("style", "<link rel=stylesheet href=/other.css>"),
    page("inline", "<script>missing()</script>"),
    page("attribute", "<p style='color: red'>"),
    page("frame", "<iframe src=/other/></iframe>"),
    page(
        "worker",
        script(
            "new Worker(URL.createObjectURL(new Blob([`"
            "new WebSocket('ws://${location.host}/ws/echo/')`])))"
        ),
    ),
    page("eval", script("try { eval('1') } catch { done() }")),
    page("image", script("new Image().src = '/other.png'; done()")),
    page("reported", script(f"{SOCKET}.onopen = done"), REPORTED),
)


@override_settings(ROOT_URLCONF=PAGES)
class PolicyTests(BrowserTestCase):
    def test_what_is_blocked_is_an_error(self):
        for name, what in [
            ("socket", f"{self.live_server_ws_url}/ws/echo/"),
            ("events", f"{self.live_server_url}/events/"),
            ("fetch", f"{self.live_server_url}/other/"),
            ("script", f"{self.live_server_url}/other.js"),
            ("style", f"{self.live_server_url}/other.css"),
            ("inline", "an inline script"),
            ("attribute", "an inline style"),
            ("frame", f"{self.live_server_url}/other/"),
            ("worker", f"{self.live_server_ws_url}/ws/echo/"),
        ]:
            policy = "frame-src 'none'" if name == "frame" else "default-src 'nonce-x'"
            text = f"Content-Security-Policy blocks {what}: {policy}"
            with self.subTest(name):
                with self.assertPageError(text) as errors:
                    self.open_page(f"/{name}/")
                self.assertEqual([error.text for error in errors], [text])

    def test_what_a_page_works_without_is_no_error(self):
        for name in ["eval", "image"]:
            self.open_page(f"/{name}/")
            self.assertPageShows("body", "done")

    def test_what_is_only_reported_is_no_error(self):
        self.open_page("/reported/")
        self.assertPageShows("body", "done")
