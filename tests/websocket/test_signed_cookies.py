"""Cookies that are signed as Django's responses sign them."""

from __future__ import annotations

from typing import Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer, JsonWebsocketConsumer
from channels.sessions import CookieMiddleware
from django.core import signing
from django.http import HttpRequest
from django.test import override_settings

from channels_testkit import WebsocketTestCase


def read(scope: Any, name: str, salt: str = "") -> str:
    """Read a cookie as a view would."""
    request = HttpRequest()
    request.COOKIES = scope["cookies"]
    try:
        found: str = request.get_signed_cookie(name, salt=salt)
    except (KeyError, signing.BadSignature) as error:
        return type(error).__name__
    return found


class SeatConsumer(AsyncJsonWebsocketConsumer):
    async def receive_json(self, content: Any, **options: Any) -> None:
        await self.send_json(read(self.scope, *content))


class SyncSeatConsumer(JsonWebsocketConsumer):
    def receive_json(self, content: Any, **options: Any) -> None:
        self.send_json(read(self.scope, *content))


class SignedCookieTests(WebsocketTestCase):
    application = CookieMiddleware(SeatConsumer.as_asgi())
    ws_path = "/"

    def test_the_application_reads_them(self):
        cookies = {"seat": "7 a", "room": ("lobby", "rooms")}
        for consumer in (SeatConsumer, SyncSeatConsumer):
            application = CookieMiddleware(consumer.as_asgi())
            ann = self.connect(signed_cookies=cookies, application=application)
            for asked, answer in [
                (["seat"], "7 a"),
                (["room", "rooms"], "lobby"),
                (["room"], "BadSignature"),
                (["seat", "rooms"], "BadSignature"),
                (["row"], "KeyError"),
            ]:
                ann.send_json(asked)
                self.assertReceivesJson(ann, answer)

    def test_they_are_signed_with_the_key_of_the_test(self):
        with override_settings(SECRET_KEY="another"):
            ann = self.connect(signed_cookies={"seat": "7"})
        ann.send_json(["seat"])
        self.assertReceivesJson(ann, "BadSignature")

    def test_they_last_as_other_cookies_do(self):
        ann = self.connect(signed_cookies={"seat": "7"}, cookies={"row": "1"})
        ann.reconnect()
        ann.send_json(["seat"])
        self.assertReceivesJson(ann, "7")

    def test_a_client_is_given_one_later(self):
        ann = self.create_client()
        ann.set_signed_cookie("seat", "7", salt="theater")
        ann.connect()
        ann.send_json(["seat", "theater"])
        self.assertReceivesJson(ann, "7")

    async def test_async(self):
        ann = await self.aconnect(signed_cookies={"seat": "7"})
        await ann.send_json(["seat"])
        self.assertReceivesJson(ann, "7")

    def test_what_cannot_be_signed_is_refused(self):
        pair = "the value is a str, or a pair of that and the salt, both str."
        for options, kind, text in [
            ({"signed_cookies": 7}, TypeError, "signed_cookies= is a dict, not 7."),
            (
                {"signed_cookies": {"seat": 7}},
                TypeError,
                f"signed_cookies= has 7 for 'seat': {pair}",
            ),
            (
                {"signed_cookies": {"seat": ("7", "a", "b")}},
                TypeError,
                f"signed_cookies= has ('7', 'a', 'b') for 'seat': {pair}",
            ),
            (
                {"signed_cookies": {"seat": "7"}, "cookies": {"seat": "8"}},
                TypeError,
                "Give the cookie 'seat' in cookies= or in signed_cookies=, not in"
                " both.",
            ),
            (
                {"signed_cookies": {"a b": "7"}},
                ValueError,
                "signed_cookies= has the name 'a b', which no cookie can have: use"
                " letters, digits, '-' and '_'.",
            ),
        ]:
            with self.subTest(text), self.assertRaises(kind) as caught:
                self.create_client(**options)  # type: ignore[arg-type]
            self.assertEqual(str(caught.exception), text)

    def test_a_client_refuses_what_cannot_be_signed(self):
        ann = self.create_client()
        for value, salt in [(7, ""), (("7", "theater"), ""), ("7", None)]:
            with self.subTest((value, salt)), self.assertRaises(TypeError) as caught:
                ann.set_signed_cookie("seat", value, salt)  # type: ignore[arg-type]
            self.assertEqual(
                str(caught.exception),
                f"set_signed_cookie() has {(value, salt)!r} for 'seat': the value and"
                " the salt are both str.",
            )
