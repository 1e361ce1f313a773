from __future__ import annotations

from typing import TYPE_CHECKING
from unittest import mock

from django.test import SimpleTestCase

from channels_testkit.asgi.cookies import (
    cookie_header,
    cookies_set_by,
    has_expired,
    keep_cookies,
)

if TYPE_CHECKING:
    from http.cookies import SimpleCookie


def set_by(*lines: str) -> SimpleCookie:
    return cookies_set_by([(b"Set-Cookie", line.encode("latin1")) for line in lines])


class SetCookieTests(SimpleTestCase):
    def test_names_values_and_attributes_are_read_as_browsers_do(self):
        for line, name, value in (
            ("seen=yes; Path=/; HttpOnly; SameSite=Lax", "seen", "yes"),
            ("seen=yes; Secure; Partitioned; Priority=High", "seen", "yes"),
            ('room={"id": 1}; Path=/', "room", '{"id": 1}'),
            ("a=b=c", "a", "b=c"),
            ('odd="qu\\073x"', "odd", "qu;x"),
            ("empty=", "empty", ""),
        ):
            with self.subTest(line):
                cookies = set_by(line)
                self.assertEqual(
                    {k: it.value for k, it in cookies.items()}, {name: value}
                )
        morsel = set_by("seen=yes; PATH=/x; httponly")["seen"]
        self.assertEqual((morsel["path"], morsel["httponly"]), ("/x", True))

    def test_other_headers_and_odd_names_are_left_out(self):
        self.assertEqual(cookies_set_by([(b"x-cookie", b"a=b")]), {})
        self.assertEqual(set_by("a b=c", "=d", "e=f").keys(), {"e"})


class ExpiryTests(SimpleTestCase):
    def test_what_has_expired(self):
        for attributes, expected in (
            ("Max-Age=0", True),
            ("Max-Age=-1", True),
            ("Max-Age=60", False),
            (f"Max-Age={'9' * 400}", False),
            (f"Max-Age=-{'9' * 400}", True),
            ("Max-Age=soon", False),
            ("expires=Thu, 01 Jan 1970 00:00:00 GMT", True),
            ("expires=Thu, 01-Jan-1970 00:00:00 GMT", True),
            ("expires=Fri, 01 Jan 2100 00:00:00 GMT", False),
            ("expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=60", False),
            ("expires=whenever", False),
            ("Path=/", False),
        ):
            with self.subTest(attributes):
                morsel = set_by(f"seen=yes; {attributes}")["seen"]
                self.assertEqual(has_expired(morsel), expected)

    def test_the_time_is_that_of_the_application(self):
        # A test that freezes the time freezes it for both.
        morsel = set_by("seen=yes; expires=Fri, 01 Jan 2100 00:00:00 GMT")["seen"]
        with mock.patch("time.time", return_value=4_200_000_000):
            self.assertTrue(has_expired(morsel))

    def test_seconds_count_from_the_answer_that_set_them(self):
        year_2100 = "expires=Fri, 01 Jan 2100 00:00:00 GMT"
        with mock.patch("time.time", return_value=1_000_000):
            morsel = set_by(f"seen=yes; {year_2100}; Max-Age=60")["seen"]
        for moment, expected in ((1_000_059, False), (1_000_060, True)):
            with mock.patch("time.time", return_value=moment):
                self.assertEqual(has_expired(morsel), expected)

    def test_what_has_expired_leaves_the_jar(self):
        jar = set_by("a=1", "b=2")
        keep_cookies(jar, set_by("a=; Max-Age=0", "b=3", "c=; Max-Age=0"))
        self.assertEqual(cookie_header(jar), b"b=3")

    def test_what_has_expired_is_not_sent(self):
        self.assertEqual(cookie_header(set_by("a=1", "b=2; Max-Age=0")), b"a=1")

    def test_a_header_has_the_cookies_of_a_dict_or_a_jar(self):
        self.assertEqual(cookie_header({"a": "1", "b": 2}), b"a=1; b=2")
        self.assertEqual(cookie_header({}), b"")
