from __future__ import annotations

from enum import IntEnum
from http import HTTPStatus

from django.test import SimpleTestCase

from channels_testkit.asgi.breaches import BREACHES
from channels_testkit.asgi.events import Breach
from channels_testkit.asgi.websocket_protocol import WebsocketProtocol

ACCEPT = {"type": "websocket.accept"}
CLOSE = {"type": "websocket.close"}
DENIAL_START = {"type": "websocket.http.response.start", "status": 403}
DENIAL_BODY = {"type": "websocket.http.response.body", "body": b"no"}
SEND = {"type": "websocket.send", "text": "hello"}

TYPES = (
    "'websocket.accept', 'websocket.close', 'websocket.http.response.body', "
    "'websocket.http.response.start', 'websocket.send'"
)


class CloseCode(IntEnum):
    NOT_A_MEMBER = 4403


def make_protocol(*events, offered=(), extensions=("websocket.http.response",)):
    """Return a protocol after these events."""
    protocol = WebsocketProtocol(offered=offered, extensions=extensions)
    for event in events:
        protocol.sent(event)
    return protocol


class ProtocolTestCase(SimpleTestCase):
    def assertAllowed(self, protocol, event):
        self.assertIsNone(protocol.check(event))

    def assertBreach(self, protocol, event, name, text):
        state = protocol.state
        self.assertEqual(protocol.check(event), Breach(name, text))
        self.assertIn(name, BREACHES)
        self.assertEqual(protocol.state, state)


class BreachesTests(SimpleTestCase):
    def test_names_are_sorted(self):
        self.assertEqual(list(BREACHES), sorted(BREACHES))

    def test_each_name_has_one_line(self):
        for name, line in BREACHES.items():
            with self.subTest(name=name):
                self.assertRegex(line, r"^[A-Z][^\n]+[a-z0-9-]\.$")

    def test_names_cannot_be_changed(self):
        with self.assertRaises(TypeError):
            BREACHES["mine"] = "Not one of them."


class WebsocketProtocolStateTests(SimpleTestCase):
    def test_new_connection_is_connecting(self):
        self.assertEqual(WebsocketProtocol().state, "connecting")

    def test_accept_opens(self):
        self.assertEqual(make_protocol(ACCEPT).state, "open")

    def test_send_stays_open(self):
        self.assertEqual(make_protocol(ACCEPT, SEND).state, "open")

    def test_close_closes(self):
        self.assertEqual(make_protocol(ACCEPT, CLOSE).state, "closed")

    def test_rejection_closes(self):
        self.assertEqual(make_protocol(CLOSE).state, "closed")

    def test_denial_start_denies(self):
        self.assertEqual(make_protocol(DENIAL_START).state, "denying")

    def test_denial_body_with_more_to_come_stays_denying(self):
        part = {**DENIAL_BODY, "more_body": True}
        self.assertEqual(make_protocol(DENIAL_START, part, part).state, "denying")

    def test_last_denial_body_closes(self):
        part = {**DENIAL_BODY, "more_body": True}
        protocol = make_protocol(DENIAL_START, part, DENIAL_BODY)
        self.assertEqual(protocol.state, "closed")

    def test_disconnect_is_gone_whatever_came_before(self):
        for events in [(), (ACCEPT,), (ACCEPT, CLOSE), (DENIAL_START,)]:
            with self.subTest(events=events):
                protocol = make_protocol(*events)
                protocol.client_gone()
                self.assertEqual(protocol.state, "gone")

    def test_sent_after_disconnect_stays_gone(self):
        protocol = make_protocol()
        protocol.client_gone()
        for event in [ACCEPT, SEND, DENIAL_START, CLOSE]:
            protocol.sent(event)
            self.assertEqual(protocol.state, "gone")

    def test_sent_after_close_stays_closed(self):
        protocol = make_protocol(CLOSE)
        for event in [ACCEPT, SEND, DENIAL_START, CLOSE]:
            protocol.sent(event)
            self.assertEqual(protocol.state, "closed")


class AllowedBreachStateTests(SimpleTestCase):
    """A breach that the user allows must leave a sensible state behind."""

    def test_send_before_accept_stays_connecting(self):
        protocol = make_protocol()
        protocol.sent(SEND)
        self.assertEqual(protocol.state, "connecting")

    def test_denial_body_before_start_stays_connecting(self):
        protocol = make_protocol()
        protocol.sent(DENIAL_BODY)
        self.assertEqual(protocol.state, "connecting")

    def test_accept_twice_stays_open(self):
        protocol = make_protocol(ACCEPT)
        protocol.sent(ACCEPT)
        self.assertEqual(protocol.state, "open")

    def test_denial_after_accept_stays_open(self):
        protocol = make_protocol(ACCEPT)
        protocol.sent(DENIAL_START)
        protocol.sent(DENIAL_BODY)
        self.assertEqual(protocol.state, "open")

    def test_accept_during_denial_stays_denying(self):
        protocol = make_protocol(DENIAL_START)
        protocol.sent(ACCEPT)
        self.assertEqual(protocol.state, "denying")

    def test_close_during_denial_closes(self):
        protocol = make_protocol(DENIAL_START)
        protocol.sent(CLOSE)
        self.assertEqual(protocol.state, "closed")

    def test_unsupported_denial_denies(self):
        protocol = make_protocol(extensions=())
        protocol.sent(DENIAL_START)
        self.assertEqual(protocol.state, "denying")
        self.assertIsNone(protocol.check(DENIAL_BODY))

    def test_event_without_known_type_changes_nothing(self):
        for event in [{}, {"type": ["websocket.accept"]}, {"type": "lifespan.start"}]:
            with self.subTest(event=event):
                protocol = make_protocol()
                protocol.sent(event)
                self.assertEqual(protocol.state, "connecting")


class EventTests(ProtocolTestCase):
    def test_event_that_is_not_a_dict_is_a_breach(self):
        self.assertBreach(
            make_protocol(),
            "websocket.accept",
            "not-a-dict",
            "The application sent 'websocket.accept', of type str, and a server reads "
            "only dicts; send a dict with a 'type', such as "
            "{'type': 'websocket.close'}.",
        )

    def test_event_without_type_is_a_breach(self):
        for event in [{"text": "hello"}, {"type": None}]:
            with self.subTest(event=event):
                self.assertBreach(
                    make_protocol(),
                    event,
                    "no-type",
                    f"The application sent {event!r}, and a server cannot tell what "
                    f"an event without a 'type' is; give it one of {TYPES}.",
                )

    def test_unknown_type_is_a_breach(self):
        for kind in ["websocket.receive", "websocket.sned", "", 7, ["websocket.send"]]:
            with self.subTest(kind=kind):
                self.assertBreach(
                    make_protocol(ACCEPT),
                    {"type": kind},
                    "unknown-type",
                    f"The application sent an event of type {kind!r}, which no server "
                    f"knows; send one of {TYPES}.",
                )

    def test_event_without_known_type_is_a_breach_after_disconnect(self):
        protocol = make_protocol()
        protocol.client_gone()
        for event, name in [
            (None, "not-a-dict"),
            ({}, "no-type"),
            ({"type": "websocket.sned"}, "unknown-type"),
        ]:
            with self.subTest(name=name):
                self.assertEqual(protocol.check(event).name, name)

    def test_everything_else_is_allowed_after_disconnect(self):
        protocol = make_protocol(ACCEPT)
        protocol.client_gone()
        for event in [ACCEPT, CLOSE, DENIAL_START, DENIAL_BODY, SEND]:
            with self.subTest(event=event):
                self.assertAllowed(protocol, {"type": event["type"], "code": 999})


class OrderTests(ProtocolTestCase):
    def test_send_before_accept_is_a_breach(self):
        self.assertBreach(
            make_protocol(),
            SEND,
            "send-before-accept",
            "The application sent 'websocket.send' before 'websocket.accept', and a "
            "server refuses frames before the handshake is answered; accept the "
            "connection first.",
        )

    def test_accept_twice_is_a_breach(self):
        self.assertBreach(
            make_protocol(ACCEPT),
            ACCEPT,
            "accept-twice",
            "The application sent 'websocket.accept' to a connection that it had "
            "accepted, and a server refuses to answer a handshake again; accept once.",
        )

    def test_anything_but_close_after_the_end_is_a_breach(self):
        endings = [(ACCEPT, CLOSE), (CLOSE,), (DENIAL_START, DENIAL_BODY)]
        for ending in endings:
            for event in [ACCEPT, SEND, DENIAL_START, DENIAL_BODY]:
                with self.subTest(ending=ending, event=event):
                    self.assertBreach(
                        make_protocol(*ending),
                        event,
                        "send-after-close",
                        f"The application sent {event['type']!r} after it had closed, "
                        "rejected or denied the connection, and a server refuses "
                        "everything after that; send it before, or not at all.",
                    )

    def test_close_twice_is_a_breach(self):
        for ending in [(ACCEPT, CLOSE), (CLOSE,), (DENIAL_START, DENIAL_BODY)]:
            with self.subTest(ending=ending):
                self.assertBreach(
                    make_protocol(*ending),
                    CLOSE,
                    "close-twice",
                    "The application sent 'websocket.close' after it had closed, "
                    "rejected or denied the connection, and a server refuses to close "
                    "it again; close it once.",
                )


class SendTests(ProtocolTestCase):
    def setUp(self):
        self.protocol = make_protocol(ACCEPT)

    def test_text_or_bytes_is_allowed(self):
        for content in [
            {"text": "hello"},
            {"text": "Gruß 👋"},
            {"text": ""},
            {"bytes": b"\xff"},
            {"bytes": b""},
            {"text": "hello", "bytes": None},
            {"text": None, "bytes": b"\xff"},
        ]:
            with self.subTest(content=content):
                self.assertAllowed(self.protocol, {"type": "websocket.send", **content})

    def test_text_and_bytes_is_a_breach(self):
        self.assertBreach(
            self.protocol,
            {"type": "websocket.send", "text": "", "bytes": b"hi"},
            "text-and-bytes",
            "The application sent a frame with both text '' and bytes b'hi', and a "
            "frame carries only one of them; send two frames, or leave one out.",
        )

    def test_neither_text_nor_bytes_is_a_breach(self):
        for content in [{}, {"text": None}, {"text": None, "bytes": None}]:
            with self.subTest(content=content):
                self.assertBreach(
                    self.protocol,
                    {"type": "websocket.send", **content},
                    "no-payload",
                    "The application sent a frame with neither text nor bytes, and a "
                    "server has nothing to put in it; give one of them, an empty one "
                    "for an empty frame.",
                )

    def test_text_that_is_not_a_str_is_a_breach(self):
        self.assertBreach(
            self.protocol,
            {"type": "websocket.send", "text": {"a": 1}},
            "text-not-str",
            "The application sent a frame with text {'a': 1}, of type dict, and a "
            "server takes a str; encode it first, as send_json() does.",
        )

    def test_text_with_a_lone_surrogate_is_a_breach(self):
        self.assertBreach(
            self.protocol,
            {"type": "websocket.send", "text": "hi \ud800"},
            "not-utf8",
            "The application sent a frame with text 'hi \\ud800', and a server cannot "
            "encode '\\ud800' in UTF-8; replace it, for instance with "
            "text.encode(errors='replace').decode().",
        )

    def test_bytes_that_are_not_bytes_are_a_breach(self):
        for data, described in [
            ("hi", "'hi', of type str"),
            (bytearray(b"hi"), "bytearray(b'hi'), of type bytearray"),
        ]:
            with self.subTest(data=data):
                self.assertBreach(
                    self.protocol,
                    {"type": "websocket.send", "bytes": data},
                    "bytes-not-bytes",
                    f"The application sent a frame with bytes {described}, and some "
                    "servers take only bytes; convert it to bytes, or "
                    "send a str as text.",
                )

    def test_memoryview_is_a_breach(self):
        event = {"type": "websocket.send", "bytes": memoryview(b"hi")}
        self.assertEqual(self.protocol.check(event).name, "bytes-not-bytes")

    def test_long_value_is_cut_in_the_text(self):
        breach = self.protocol.check({"type": "websocket.send", "text": ["x" * 999]})
        self.assertEqual(
            breach.text,
            f"The application sent a frame with text ['{'x' * 78} [truncated]..., of "
            "type list, and a server takes a str; encode it first, as send_json() "
            "does.",
        )


class CloseTests(ProtocolTestCase):
    def setUp(self):
        self.protocol = make_protocol(ACCEPT)

    def test_legal_code_is_allowed(self):
        for code in [None, 1000, 3000, 4403, 4999]:
            with self.subTest(code=code):
                self.assertAllowed(self.protocol, {**CLOSE, "code": code})

    def test_legal_code_is_allowed_for_a_rejection(self):
        for code in [1001, 1003, 1007, 1014, 4401]:
            with self.subTest(code=code):
                self.assertAllowed(make_protocol(), {**CLOSE, "code": code})

    def test_code_that_daphne_raises_for_is_a_breach(self):
        for code in [1001, 1003, 1007, 1011, 1014]:
            with self.subTest(code=code):
                self.assertBreach(
                    self.protocol,
                    {**CLOSE, "code": code},
                    "close-code",
                    f"The application closed with the code {code}, which some servers"
                    " do not send, and for which Daphne raises an error; use 1000, or"
                    " for codes of your own 3000 to 4999.",
                )

    def test_code_of_an_enum_is_allowed(self):
        self.assertAllowed(self.protocol, {**CLOSE, "code": CloseCode.NOT_A_MEMBER})

    def test_code_that_no_endpoint_may_send_is_a_breach(self):
        for code in [
            *[-1, 0, 403, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000],
            *[True, "4403", 4403.0],
        ]:
            with self.subTest(code=code):
                self.assertBreach(
                    self.protocol,
                    {**CLOSE, "code": code},
                    "close-code",
                    f"The application closed with the code {code!r}, which an endpoint "
                    "may not send; use an int: 1000, or for codes of your own 3000 to "
                    "4999.",
                )

    def test_reason_of_123_bytes_is_allowed(self):
        for reason in [None, "", "x" * 123, "ü" * 61 + "x"]:
            with self.subTest(reason=reason):
                self.assertAllowed(self.protocol, {**CLOSE, "reason": reason})

    def test_reason_over_123_bytes_is_a_breach(self):
        self.assertBreach(
            self.protocol,
            {**CLOSE, "reason": "ü" * 62},
            "reason-too-long",
            f"The application closed with the reason '{'ü' * 62}' of 124 bytes, and a "
            "close frame has room for 123; shorten it, or send the text in a frame "
            "before the close.",
        )

    def test_reason_that_is_not_a_str_is_a_breach(self):
        self.assertBreach(
            self.protocol,
            {**CLOSE, "reason": b"bye"},
            "reason-not-str",
            "The application closed with the reason b'bye', of type bytes, and a "
            "server takes a str; convert it first.",
        )

    def test_reason_with_a_lone_surrogate_is_a_breach(self):
        self.assertBreach(
            self.protocol,
            {**CLOSE, "reason": "\udfff"},
            "not-utf8",
            "The application sent the close reason '\\udfff', and a server cannot "
            "encode '\\udfff' in UTF-8; replace it, for instance with "
            "text.encode(errors='replace').decode().",
        )


class AcceptTests(ProtocolTestCase):
    def test_what_channels_sends_is_allowed(self):
        event = {"type": "websocket.accept", "subprotocol": None, "headers": []}
        self.assertAllowed(make_protocol(), event)

    def test_offered_subprotocol_is_allowed(self):
        protocol = make_protocol(offered=["v1.chat", "v2.chat"])
        self.assertAllowed(protocol, {**ACCEPT, "subprotocol": "v2.chat"})

    def test_subprotocol_not_offered_is_a_breach(self):
        self.assertBreach(
            make_protocol(offered=["v1.chat", "v2.chat"]),
            {**ACCEPT, "subprotocol": "v3.chat"},
            "subprotocol-not-offered",
            "The application accepted with the subprotocol 'v3.chat', and a client "
            "drops a connection whose subprotocol it did not offer; it offered "
            "'v1.chat', 'v2.chat', so choose from scope['subprotocols'].",
        )

    def test_subprotocol_where_none_is_offered_is_a_breach(self):
        self.assertBreach(
            make_protocol(),
            {**ACCEPT, "subprotocol": "chat"},
            "subprotocol-not-offered",
            "The application accepted with the subprotocol 'chat', and a client "
            "drops a connection whose subprotocol it did not offer; it offered none, "
            "so choose from scope['subprotocols'].",
        )

    def test_headers_of_bytes_are_allowed(self):
        for headers in [
            None,
            (),
            [(b"x-room", b"lobby"), [b"X-Upper", b"kept"]],
            {b"x-room": b"lobby"}.items(),
        ]:
            with self.subTest(headers=headers):
                self.assertAllowed(make_protocol(), {**ACCEPT, "headers": headers})

    def test_iterator_of_headers_is_not_used_up(self):
        headers = iter([(b"x-room", b"lobby")])
        self.assertAllowed(make_protocol(), {**ACCEPT, "headers": headers})
        self.assertEqual(next(headers), (b"x-room", b"lobby"))

    def test_header_that_is_not_a_pair_of_bytes_is_a_breach(self):
        for header in [
            ("x-room", b"lobby"),
            (b"x-room", "lobby"),
            (b"x-room",),
            (b"x-room", b"lobby", b"hall"),
            "ab",
            None,
        ]:
            with self.subTest(header=header):
                self.assertBreach(
                    make_protocol(),
                    {**ACCEPT, "headers": [(b"x-ok", b"1"), header]},
                    "headers-not-bytes",
                    "The application sent 'websocket.accept' with the header "
                    f"{header!r}, and some servers take only "
                    "pairs of byte strings; write them as [(b'name', b'value')].",
                )

    def test_headers_as_a_dict_are_a_breach(self):
        self.assertBreach(
            make_protocol(),
            {**ACCEPT, "headers": {"x-room": "lobby"}},
            "headers-not-bytes",
            "The application sent 'websocket.accept' with the header 'x-room', and "
            "some servers take only pairs of byte strings; write "
            "them as [(b'name', b'value')].",
        )

    def test_headers_that_cannot_be_iterated_are_a_breach(self):
        self.assertBreach(
            make_protocol(),
            {**ACCEPT, "headers": 7},
            "headers-not-bytes",
            "The application sent 'websocket.accept' with the headers 7, and some "
            "servers take only pairs of byte strings; write them as "
            "[(b'name', b'value')].",
        )


class DenialTests(ProtocolTestCase):
    def test_denial_is_allowed_where_the_extension_is_offered(self):
        protocol = make_protocol(extensions={"websocket.http.response": {}})
        self.assertAllowed(protocol, DENIAL_START)

    def test_denial_without_the_extension_is_a_breach(self):
        self.assertBreach(
            WebsocketProtocol(),
            DENIAL_START,
            "denial-unsupported",
            "The application sent 'websocket.http.response.start', and a server "
            "refuses it that does not offer the extension 'websocket.http.response'; "
            "look for it in scope['extensions'] first, or reject with "
            "'websocket.close'.",
        )

    def test_body_before_start_is_a_breach(self):
        self.assertBreach(
            make_protocol(),
            DENIAL_BODY,
            "denial-body-before-start",
            "The application sent 'websocket.http.response.body' before "
            "'websocket.http.response.start', and a server refuses a body without a "
            "status; start the response first.",
        )

    def test_denial_after_accept_is_a_breach(self):
        for event in [DENIAL_START, DENIAL_BODY]:
            with self.subTest(event=event):
                self.assertBreach(
                    make_protocol(ACCEPT),
                    event,
                    "denial-after-accept",
                    f"The application sent {event['type']!r} to a connection that it "
                    "had accepted, and a server can no longer deny it; deny instead "
                    "of 'websocket.accept', or end the connection with "
                    "'websocket.close'.",
                )

    def test_anything_but_a_body_after_start_is_a_breach(self):
        for event in [ACCEPT, CLOSE, SEND, DENIAL_START]:
            with self.subTest(event=event):
                self.assertBreach(
                    make_protocol(DENIAL_START),
                    event,
                    "denial-interrupted",
                    f"The application sent {event['type']!r} after "
                    "'websocket.http.response.start', and a server then takes nothing "
                    "but 'websocket.http.response.body'; finish the response, and "
                    "send nothing else.",
                )

    def test_status_of_an_enum_is_allowed(self):
        event = {**DENIAL_START, "status": HTTPStatus.FORBIDDEN}
        self.assertAllowed(make_protocol(), event)

    def test_status_that_is_not_an_int_is_a_breach(self):
        for status in [None, "403", True]:
            with self.subTest(status=status):
                self.assertBreach(
                    make_protocol(),
                    {**DENIAL_START, "status": status},
                    "denial-status",
                    "The application sent 'websocket.http.response.start' with the "
                    f"status {status!r}, and a server needs an int to answer with; "
                    "give the status of the response, such as 403.",
                )

    def test_missing_status_is_a_breach(self):
        breach = make_protocol().check({"type": "websocket.http.response.start"})
        self.assertEqual(breach.name, "denial-status")

    def test_header_of_str_is_a_breach(self):
        self.assertBreach(
            make_protocol(),
            {**DENIAL_START, "headers": [("x-room", "lobby")]},
            "headers-not-bytes",
            "The application sent 'websocket.http.response.start' with the header "
            "('x-room', 'lobby'), and some servers take only "
            "pairs of byte strings; write them as [(b'name', b'value')].",
        )

    def test_body_may_be_missing_or_empty(self):
        for content in [{}, {"body": None}, {"body": b""}, {"body": b"no"}]:
            with self.subTest(content=content):
                self.assertAllowed(
                    make_protocol(DENIAL_START),
                    {"type": "websocket.http.response.body", **content},
                )

    def test_body_that_is_not_bytes_is_a_breach(self):
        self.assertBreach(
            make_protocol(DENIAL_START),
            {**DENIAL_BODY, "body": "no"},
            "body-not-bytes",
            "The application sent 'websocket.http.response.body' with the body 'no', "
            "of type str, and a server takes bytes; encode it first.",
        )

    def test_no_choice_of_the_subprotocols_on_offer_is_a_breach(self):
        for chosen in ({}, {"subprotocol": None}):
            with self.subTest(chosen):
                self.assertBreach(
                    make_protocol(offered=["v1.chat", "v2.chat"]),
                    {**ACCEPT, **chosen},
                    "subprotocol-not-chosen",
                    "The application accepted without a subprotocol, and a browser "
                    "drops a connection where none of those that it offered is "
                    "chosen; it offered 'v1.chat', 'v2.chat', so choose one of "
                    "scope['subprotocols'], with accept(subprotocol=...).",
                )

    def test_a_rejection_needs_no_choice(self):
        for event in (CLOSE, DENIAL_START):
            with self.subTest(event["type"]):
                self.assertAllowed(make_protocol(offered=["v1.chat"]), event)
