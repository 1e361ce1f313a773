"""Logging a browser in without a form."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser, User

from channels_testkit.asgi.login import session_login
from channels_testkit.browser import BrowserTestCase


class LoginTests(BrowserTestCase):
    def setUp(self):
        self.ann, self.ben = map(User.objects.create_user, ["ann", "ben"])

    def test_by_the_cookie_of_a_session(self):
        self.browser_login(self.ann)
        self.open_page("/who/")
        self.assertPageShows("p", "ann")

    def test_another_browser_is_another_user(self):
        self.browser_login(self.ann)
        ben = self.new_browser(self.ben)
        for browser, name in [(self.browser, "ann"), (ben, "ben")]:
            self.open_page("/who/", browser)
            self.assertPageShows("p", name, browser=browser)

    def test_the_last_login_counts(self):
        self.browser_login(self.ann)
        self.browser_login(self.ben)
        self.open_page("/who/")
        self.assertPageShows("p", "ben")

    def test_nobody_is_logged_in_at_first(self):
        self.open_page("/who/")
        self.assertPageShows("p", "nobody")

    def test_queries_are_not_counted(self):
        with self.assertNumQueries(0):
            self.browser_login(self.ann)

    def test_a_stranger_cannot_be_logged_in(self):
        with self.assertRaises(ValueError) as caught:
            self.browser_login(AnonymousUser())
        self.assertEqual(
            str(caught.exception),
            "get_login() has returned nothing for 'AnonymousUser', and a browser"
            " takes only cookies. Return 'cookies' from get_login(), or log in on a"
            " page.",
        )


class OwnLoginTests(BrowserTestCase):
    login: object = None

    def setUp(self):
        self.ann = User.objects.create_user("ann")

    async def get_login(self, user):
        return self.login

    def test_cookies_that_get_login_returns(self):
        self.login = {"cookies": {"one": "1", "two": "2"}, "query": {"token": "x"}}
        self.browser_login(self.ann)
        browser = self.open_page("/pages/empty/")
        cookies = {it["name"]: it["value"] for it in browser.get_cookies()}
        self.assertEqual(cookies, {"one": "1", "two": "2"})

    def test_cookies_of_a_client(self):
        self.login = session_login(self.ann)
        self.browser_login(self.ann)
        self.open_page("/who/")
        self.assertPageShows("p", "ann")

    def test_what_is_no_cookie_is_refused(self):
        self.login = {"headers": {"authorization": "Bearer x"}, "query": "token=x"}
        with self.assertRaises(ValueError) as caught:
            self.browser_login(self.ann)
        self.assertEqual(
            str(caught.exception),
            "get_login() has returned 'headers', 'query' for 'ann', and a browser"
            " takes only cookies. Return 'cookies' from get_login(), or log in on a"
            " page.",
        )
