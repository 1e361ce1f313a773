"""Arguments that are mixed up, and failures about large pages."""

from __future__ import annotations

from typing import Any

from channels_testkit.browser import BrowserTestCase

MOST = 20_000


class MisuseTests(BrowserTestCase):
    browser_timeout = 0

    def test_a_browser_where_a_text_belongs(self) -> None:
        browser = self.open_page("/pages/changing/")
        for name in ("assertPageShows", "assertPageShowsNot"):
            with self.assertRaises(TypeError) as caught:
                getattr(self, name)(browser, "h1")
            self.assertRegex(
                str(caught.exception),
                rf"^{name}\(selector, text\): <.* is not a CSS selector\.",
            )
        for name in ("assertPageReceives", "assertPageSends"):
            with self.assertRaises(TypeError) as caught:
                getattr(self, name)(browser)
            self.assertRegex(
                str(caught.exception),
                r"is not a payload \(another browser is given as browser=\)\.$",
            )
        with self.assertRaisesRegex(
            TypeError, r"^assertPageError\(text\): .* not a str"
        ):
            self.assertPageError(ValueError)


class LargePageTests(BrowserTestCase):
    browser_timeout = 0
    check_page = "off"

    def assertShort(self, call: Any, *args: Any, **options: Any) -> None:
        with self.assertRaises(AssertionError) as caught:
            call(*args, **options)
        self.assertLess(len(str(caught.exception)), MOST)

    def test_failures_about_a_large_page_are_short(self) -> None:
        browser = self.open_page("/pages/changing/")
        browser.execute_script(
            "document.body.innerHTML = '<p>' + 'x'.repeat(1e6) + '</p>'"
            " + '<i>a</i>'.repeat(5000);"
            "for (let n = 0; n < 50; n++)"
            "  setTimeout(() => { throw new Error(n + 'x'.repeat(1e5)); });"
        )
        browser.execute_async_script("setTimeout(arguments[0], 0)")
        long = "y" * 1_000_000
        self.assertShort(self.assertPageShows, "p", "y")
        self.assertShort(self.assertPageShows, "p", long)
        self.assertShort(self.assertPageShows, "i", "b")
        self.assertShort(self.assertPageShows, "h6")
        self.assertShort(self.assertPageShowsNot, "p", "x")
        self.assertShort(self.assertPageReceives, {"a": long})
        self.assertShort(self.assertPageSends, long)

    def test_the_end_of_a_test_with_many_errors_is_short(self) -> None:
        browser = self.open_page("/pages/changing/")

        def expect() -> None:
            with self.assertPageError("no such error"):
                browser.execute_script(
                    "for (let n = 0; n < 50; n++)"
                    "  setTimeout(() => { throw new Error(n + 'x'.repeat(1e5)); });"
                )
                browser.execute_async_script("setTimeout(arguments[0], 0)")

        self.assertShort(expect)
