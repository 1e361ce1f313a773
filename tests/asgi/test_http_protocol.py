from __future__ import annotations

from django.test import SimpleTestCase

from channels_testkit.asgi.breaches import BREACHES
from channels_testkit.asgi.events import Breach
from channels_testkit.asgi.http_protocol import HttpProtocol

START = {"type": "http.response.start", "status": 200}
PART = {"type": "http.response.body", "body": b"a", "more_body": True}
LAST = {"type": "http.response.body", "body": b"b"}
TYPES = "'http.response.body', 'http.response.start'"


def make_protocol(*events):
    """Return a protocol after these events."""
    protocol = HttpProtocol()
    for event in events:
        protocol.sent(event)
    return protocol


class StateTests(SimpleTestCase):
    def test_a_response_goes_from_start_to_its_last_part(self):
        states = [
            make_protocol(*events).state
            for events in [(), (START,), (START, PART, PART), (START, PART, LAST)]
        ]
        self.assertEqual(states, ["waiting", "started", "started", "complete"])

    def test_a_client_can_go_before_the_end(self):
        for events, state in [((START, PART), "gone"), ((START, LAST), "complete")]:
            protocol = make_protocol(*events)
            protocol.client_gone()
            self.assertEqual(protocol.state, state)

    def test_what_is_sent_after_the_client_has_gone_changes_nothing(self):
        protocol = make_protocol(START)
        protocol.client_gone()
        protocol.sent(LAST)
        self.assertEqual(protocol.state, "gone")


class CheckTests(SimpleTestCase):
    maxDiff = None

    def assertBreach(self, protocol, event, name, text):
        self.assertEqual(protocol.check(event), Breach(name, text))
        self.assertIn(name, BREACHES)

    def test_a_response_is_allowed(self):
        protocol = HttpProtocol()
        for event in [START, PART, {"type": "http.response.body"}]:
            self.assertIsNone(protocol.check(event))
            protocol.sent(event)

    def test_optional_keys_may_be_none(self):
        self.assertIsNone(HttpProtocol().check({**START, "headers": None}))
        self.assertIsNone(make_protocol(START).check({**LAST, "body": None}))

    def test_something_else_than_a_dict(self):
        self.assertBreach(
            HttpProtocol(),
            b"hello",
            "not-a-dict",
            "The application sent b'hello', of type bytes, and a server reads only"
            " dicts; send a dict with a 'type', such as {'type':"
            " 'http.response.start', 'status': 200}.",
        )

    def test_no_type(self):
        self.assertBreach(
            HttpProtocol(),
            {"status": 200},
            "no-type",
            "The application sent {'status': 200}, and a server cannot tell what an"
            f" event without a 'type' is; give it one of {TYPES}.",
        )

    def test_unknown_types(self):
        for kind in ["websocket.accept", "http.response.push", 5]:
            with self.subTest(kind):
                self.assertBreach(
                    HttpProtocol(),
                    {"type": kind},
                    "unknown-type",
                    f"The application sent an event of type {kind!r}, which a server"
                    " does not know in answer to a request; send one of"
                    f" {TYPES}.",
                )

    def test_body_before_start(self):
        self.assertBreach(
            HttpProtocol(),
            LAST,
            "response-before-start",
            "The application sent 'http.response.body' before 'http.response.start',"
            " and a server refuses a body without a status; start the response first.",
        )

    def test_start_twice(self):
        self.assertBreach(
            make_protocol(START),
            START,
            "response-twice",
            "The application sent 'http.response.start' a second time, and a server"
            " refuses to start a response again; start it once.",
        )

    def test_anything_after_the_end(self):
        for event in [START, PART, LAST]:
            self.assertBreach(
                make_protocol(START, LAST),
                event,
                "response-after-end",
                f"The application sent {event['type']!r} after the last part of its"
                " response, and a server refuses everything after that; give"
                " more_body=True to the parts before the last.",
            )

    def test_status_is_an_int(self):
        for status in ["200", None, True]:
            with self.subTest(status):
                self.assertBreach(
                    HttpProtocol(),
                    {**START, "status": status},
                    "response-status",
                    "The application sent 'http.response.start' with the status"
                    f" {status!r}, and a server needs an int to answer with; give the"
                    " status of the response, such as 200.",
                )

    def test_headers_are_bytes(self):
        self.assertBreach(
            HttpProtocol(),
            {**START, "headers": [("a", "b")]},
            "headers-not-bytes",
            "The application sent 'http.response.start' with the header ('a', 'b'),"
            " and some servers take only pairs of byte strings;"
            " write them as [(b'name', b'value')].",
        )

    def test_body_is_bytes(self):
        self.assertBreach(
            make_protocol(START),
            {**LAST, "body": "hello"},
            "body-not-bytes",
            "The application sent 'http.response.body' with the body 'hello', of type"
            " str, and a server takes bytes; encode it first.",
        )

    def test_only_the_type_counts_when_the_client_has_gone(self):
        protocol = HttpProtocol()
        protocol.client_gone()
        self.assertIsNone(protocol.check({**LAST, "body": "hello"}))
        self.assertEqual(protocol.check({"type": "x"}).name, "unknown-type")
