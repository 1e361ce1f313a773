from __future__ import annotations

from django.test import SimpleTestCase

from channels_testkit import WebsocketTestCase
from channels_testkit.asgi.scope import (
    header_list,
    join_query,
    path_of,
    split_path,
    websocket_scope,
)
from tests.app import consumers


class WebsocketScopeTests(SimpleTestCase):
    def test_has_the_keys_that_a_server_gives(self):
        self.assertEqual(
            websocket_scope("/ws/a%20b/?room=1", extensions={"x": {}}),
            {
                "type": "websocket",
                "asgi": {"version": "3.0", "spec_version": "2.4"},
                "http_version": "1.1",
                "scheme": "ws",
                "path": "/ws/a b/",
                "raw_path": b"/ws/a%20b/",
                "query_string": b"room=1",
                "root_path": "",
                "headers": [],
                "client": ["127.0.0.1", 0],
                "server": ["testserver", 80],
                "subprotocols": [],
                "state": {},
                "extensions": {"x": {}},
            },
        )

    def test_text_that_is_not_ascii_is_quoted_as_by_a_browser(self):
        scope = websocket_scope("/ws/grüße/?q=ü")
        self.assertEqual(scope["path"], "/ws/grüße/")
        self.assertEqual(scope["raw_path"], b"/ws/gr%C3%BC%C3%9Fe/")
        self.assertEqual(scope["query_string"], b"q=%C3%BC")

    def test_a_question_mark_in_the_path_is_quoted(self):
        scope = websocket_scope("/ws/%3Ftest/?foo=bar")
        self.assertEqual(
            (scope["path"], scope["query_string"]), ("/ws/?test/", b"foo=bar")
        )

    def test_the_query_is_in_the_path_and_besides(self):
        scope = websocket_scope("/ws/?a=1", query={"b": [2, 3]})
        self.assertEqual(scope["query_string"], b"a=1&b=2&b=3")

    def test_the_address_is_a_host_or_a_pair(self):
        for address, expected in (
            ("203.0.113.7", ["203.0.113.7", 0]),
            (("203.0.113.7", 50000), ["203.0.113.7", 50000]),
        ):
            with self.subTest(address=address):
                scope = websocket_scope("/", remote_address=address)
                self.assertEqual(scope["client"], expected)

    def test_another_address_is_a_type_error(self):
        with self.assertRaises(TypeError) as caught:
            websocket_scope("/", remote_address=7)
        self.assertEqual(
            str(caught.exception),
            "remote_address is a host or a (host, port) pair, not 7. To pass a"
            " Django test client, use client=.",
        )

    def test_extensions_are_not_shared(self):
        extensions = {"x": {}}
        websocket_scope("/", extensions=extensions)["extensions"]["x"]["y"] = 1
        self.assertEqual(extensions, {"x": {}})


class PathTests(SimpleTestCase):
    def test_splits_at_the_first_question_mark(self):
        self.assertEqual(split_path("/ws/?a=?"), ("/ws/", "a=?"))

    def test_what_is_not_a_path_is_a_value_error(self):
        for path in ("ws/", "ws://testserver/ws/", "/ws/#top"):
            with self.subTest(path), self.assertRaises(ValueError) as caught:
                split_path(path)
            self.assertEqual(
                str(caught.exception),
                f"{path!r} is not a path: write one that begins with '/', without host"
                " and fragment, for instance '/ws/chat/?room=1'.",
            )

    def test_what_is_not_a_str_is_a_type_error(self):
        for function in (split_path, path_of):
            with self.subTest(function), self.assertRaises(TypeError) as caught:
                function(b"/ws/")
            self.assertEqual(str(caught.exception), "A path is a str, not b'/ws/'.")

    def test_takes_the_addresses_that_channels_testing_takes(self):
        for address, expected in (
            ("/ws/?a=1", "/ws/?a=1"),
            ("ws/", "/ws/"),
            (
                "wss://user:pass@example.com:8080/p/a/t/h?query=string#hash",
                "/p/a/t/h?query=string",
            ),
            (
                "user:pass@example.com:8080/p?query=string#hash",
                "/pass@example.com:8080/p?query=string",
            ),
        ):
            with self.subTest(address):
                self.assertEqual(path_of(address), expected)


class QueryTests(SimpleTestCase):
    def test_joins_what_is_given(self):
        for query, expected in (
            (None, b"a=1"),
            ("", b"a=1"),
            ("?b=2", b"a=1&b=2"),
            (b"b=2", b"a=1&b=2"),
            ({"b": "x y"}, b"a=1&b=x+y"),
            ([("b", 2), ("b", 3)], b"a=1&b=2&b=3"),
        ):
            with self.subTest(query=query):
                self.assertEqual(join_query("a=1", query), expected)

    def test_is_empty_without_any(self):
        self.assertEqual(join_query("", None), b"")


class HeaderTests(SimpleTestCase):
    def test_takes_dict_and_list_of_str_and_bytes(self):
        expected = [(b"x-token", b"abc")]
        for headers in (
            {"X-Token": "abc"},
            {b"X-Token": b"abc"},
            [("X-Token", b"abc")],
            [[b"x-token", "abc"]],
        ):
            with self.subTest(headers=headers):
                self.assertEqual(header_list(headers), expected)

    def test_keeps_a_header_that_comes_twice(self):
        headers = [("accept", "a"), ("accept", "b")]
        self.assertEqual(header_list(headers), [(b"accept", b"a"), (b"accept", b"b")])

    def test_no_headers_are_an_empty_list(self):
        self.assertEqual(header_list(None), [])

    def test_other_values_are_type_errors(self):
        for headers, text in (
            ({"x": 1}, "The value of header 'x' is a str or bytes, not 1."),
            ({1: "x"}, "A header's name is a str or bytes, not 1."),
            (
                ["x-token: abc"],
                "headers are a dict or a list of pairs, not ['x-token: abc'].",
            ),
            (7, "headers are a dict or a list of pairs, not 7."),
        ):
            with self.subTest(headers=headers), self.assertRaises(TypeError) as caught:
                header_list(headers)
            self.assertEqual(str(caught.exception), text)


class WholeScopeTests(WebsocketTestCase):
    def test_the_consumer_gets_what_a_server_would_give(self):
        application = consumers.EchoConsumer.as_asgi()
        ann = self.connect("/ws/?a=1", application=application, cookies={"c": "1"})
        self.assertEqual(
            ann.scope,
            {
                "type": "websocket",
                "asgi": {"version": "3.0", "spec_version": "2.4"},
                "http_version": "1.1",
                "scheme": "ws",
                "path": "/ws/",
                "raw_path": b"/ws/",
                "query_string": b"a=1",
                "root_path": "",
                "headers": [
                    (b"host", b"testserver"),
                    (b"origin", b"http://testserver"),
                    (b"cookie", b"c=1"),
                ],
                "client": ["127.0.0.1", 0],
                "server": ["testserver", 80],
                "subprotocols": [],
                "state": {},
                "extensions": {"websocket.http.response": {}},
            },
        )
