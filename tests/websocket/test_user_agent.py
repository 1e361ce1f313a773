"""The cookies, session and logins of a WebSocket client."""

from __future__ import annotations

from typing import Any
from unittest import mock

from channels.auth import login as channels_login
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.contrib.auth.models import User
from django.test import override_settings

from channels_testkit import SimpleWebsocketTestCase, WebsocketTestCase, WSClient
from tests.app import asgi
from tests.app.consumers import EchoConsumer
from tests.utils import OuterTestCase, run_case

NO_SESSIONS = "A session needs django.contrib.sessions in INSTALLED_APPS."


class CookieTests(SimpleWebsocketTestCase):
    application: Any = EchoConsumer.as_asgi()

    def cookie_header(self, client: WSClient) -> bytes:
        return dict(client.scope["headers"])[b"cookie"]

    def test_the_last_value_of_a_cookie_counts(self):
        client = WSClient()
        client.set_cookie("theme", "light")
        client.set_cookie("theme", "dark")
        client.set_cookie("size", "9")
        client.connect()
        self.assertEqual(self.cookie_header(client), b"theme=dark; size=9")

    def test_a_name_that_no_cookie_can_have_is_refused(self):
        with self.assertRaises(ValueError) as caught:
            WSClient().set_cookie("a b", "1")
        self.assertEqual(
            str(caught.exception),
            "set_cookie() has the name 'a b', which no cookie can have: use letters,"
            " digits, '-' and '_'.",
        )

    async def test_the_last_value_of_a_cookie_counts_in_an_async_test(self):
        client = WSClient()
        client.set_cookie("theme", "light")
        client.set_cookie("theme", "dark")
        await client.asend_and_consume("websocket.connect")
        self.assertEqual(self.cookie_header(client), b"theme=dark")

    def test_a_cookie_goes_with_channels_1s_connect(self):
        client = WSClient()
        client.set_cookie("theme", "dark")
        client.send_and_consume("websocket.connect")
        self.assertEqual(self.cookie_header(client), b"theme=dark")


class CookieMiddlewareTests(WebsocketTestCase):
    ws_path = "/ws/echo/"

    def test_any_value_survives(self):
        values = ["qu;x", "a=b, c", 'say "hi"', "ends with space ", "grüße"]
        for value in values:
            with self.subTest(value):
                client = WSClient(self.ws_path)
                client.set_cookie("odd", value)
                client.connect()
                self.assertEqual(client.scope["cookies"]["odd"], value)

    async def test_any_value_survives_in_an_async_test(self):
        client = WSClient(self.ws_path)
        client.set_cookie("odd", "qu;x")
        await client.aconnect()
        self.assertEqual(client.scope["cookies"], {"odd": "qu;x"})


class LoginTestCase(WebsocketTestCase):
    ws_path = "/ws/echo/"

    @classmethod
    def setUpTestData(cls):
        cls.ann = User.objects.create_user("ann", password="secret")
        cls.ben = User.objects.create_user("ben", password="secret")


class LoginTests(LoginTestCase):
    def connect_and_see(self, client: WSClient) -> str:
        client.send_and_consume("websocket.connect", path=self.ws_path)
        user = str(client.scope["user"])
        client.send_and_consume("websocket.disconnect")
        return user

    async def aconnect_and_see(self, client: WSClient) -> str:
        await client.asend_and_consume("websocket.connect", path=self.ws_path)
        user = str(client.scope["user"])
        await client.asend_and_consume("websocket.disconnect")
        return user

    def test_with_credentials(self):
        client = WSClient()
        self.assertEqual(client.login(username="ann", password="guess"), False)
        self.assertEqual(self.connect_and_see(client), "AnonymousUser")
        self.assertEqual(client.login(username="ann", password="secret"), True)
        self.assertEqual(self.connect_and_see(client), "ann")

    async def test_with_credentials_in_an_async_test(self):
        client = WSClient()
        self.assertEqual(await client.alogin(username="ann", password="guess"), False)
        self.assertEqual(await self.aconnect_and_see(client), "AnonymousUser")
        self.assertEqual(await client.alogin(username="ann", password="secret"), True)
        self.assertEqual(await self.aconnect_and_see(client), "ann")

    def test_an_inactive_user_cannot_log_in(self):
        User.objects.filter(pk=self.ann.pk).update(is_active=False)
        client = WSClient()
        self.assertFalse(client.login(username="ann", password="secret"))

    def test_without_credentials(self):
        client = WSClient()
        client.force_login(self.ann)
        self.assertEqual(self.connect_and_see(client), "ann")
        client.force_login(self.ben)
        self.assertEqual(self.connect_and_see(client), "ben")
        client.logout()
        self.assertEqual(self.connect_and_see(client), "AnonymousUser")

    async def test_without_credentials_in_an_async_test(self):
        client = WSClient()
        await client.aforce_login(self.ann)
        self.assertEqual(await self.aconnect_and_see(client), "ann")
        await client.aforce_login(self.ben)
        self.assertEqual(await self.aconnect_and_see(client), "ben")
        await client.alogout()
        self.assertEqual(await self.aconnect_and_see(client), "AnonymousUser")

    def test_clients_do_not_share_a_login(self):
        ann, stranger = WSClient(), WSClient()
        ann.force_login(self.ann)
        self.assertEqual(self.connect_and_see(stranger), "AnonymousUser")
        self.client.force_login(self.ben)
        self.assertEqual(self.connect_and_see(ann), "ann")

    def test_the_login_is_that_of_when_it_connects(self):
        client = WSClient()
        client.force_login(self.ann)
        client.connect(self.ws_path)
        client.logout()
        client.send_and_consume("websocket.receive", text=[1])
        self.assertEqual(client.scope["user"], self.ann)


class SessionTests(LoginTestCase):
    def test_it_is_one_object_for_life(self):
        client = WSClient()
        session = client.session
        for step in (
            lambda: client.login(username="ann", password="secret"),
            lambda: client.force_login(self.ben),
            client.logout,
            lambda: client.force_login(self.ann),
            lambda: client.connect(self.ws_path),
        ):
            step()
            self.assertIs(client.session, session)
            self.assertEqual(client.cookies["sessionid"].value, session.session_key)
        self.assertEqual(session["_auth_user_id"], str(self.ann.pk))

    async def test_it_is_one_object_for_life_in_an_async_test(self):
        client = WSClient()
        session = await client.asession()
        await client.alogin(username="ann", password="secret")
        self.assertIs(await client.asession(), session)
        await client.alogout()
        self.assertIs(await client.asession(), session)
        await client.aforce_login(self.ann)
        self.assertIs(await client.asession(), session)
        self.assertEqual(await session.aget("_auth_user_id"), str(self.ann.pk))

    def test_what_is_saved_is_seen_by_the_application(self):
        client = WSClient()
        client.session["rooms"] = ["one"]
        client.session.save()
        client.connect(self.ws_path)
        self.assertEqual(client.scope["session"]["rooms"], ["one"])
        self.assertEqual(
            client.scope["session"].session_key, client.session.session_key
        )

    async def test_what_is_saved_is_seen_by_the_application_in_an_async_test(self):
        client = WSClient()
        session = await client.asession()
        await session.aset("rooms", ["one"])
        await session.asave()
        await client.aconnect(self.ws_path)
        self.assertEqual(client.scope["session"]["rooms"], ["one"])

    def test_a_login_keeps_what_the_session_held(self):
        client = WSClient()
        client.session["rooms"] = ["one"]
        client.login(username="ann", password="secret")
        self.assertEqual(client.session["rooms"], ["one"])
        client.logout()
        self.assertNotIn("rooms", client.session)

    def test_a_session_of_somebody_else_can_be_taken_on(self):
        other = WSClient()
        other.force_login(self.ann)
        client = WSClient()
        session = client.session
        client.set_cookie("sessionid", other.session.session_key)
        self.assertIs(client.session, session)
        self.assertEqual(session["_auth_user_id"], str(self.ann.pk))

    def test_the_keys_of_two_clients_differ(self):
        self.assertNotEqual(
            WSClient().session.session_key, WSClient().session.session_key
        )

    def test_queries_of_the_kit_are_not_counted(self):
        client = WSClient()
        with self.assertNumQueries(0):
            client.login(username="ann", password="secret")
            self.assertTrue(client.session.session_key)

    async def test_the_sync_calls_name_their_twins(self):
        client = WSClient()
        for call, twin in (
            (lambda: client.login(username="ann"), "alogin"),
            (lambda: client.force_login(self.ann), "aforce_login"),
            (client.logout, "alogout"),
            (lambda: client.session, "asession"),
        ):
            with self.subTest(twin), self.assertRaises(RuntimeError) as caught:
                call()
            self.assertEqual(
                str(caught.exception),
                f"A sync call in an async test: write 'await client.{twin}(...)'.",
            )


class CookieOfTheHandshakeTests(LoginTestCase):
    def test_a_session_that_the_handshake_makes_is_the_clients(self):
        class LoggingIn(AsyncJsonWebsocketConsumer):
            async def connect(self) -> None:
                user = await User.objects.aget(username="ann")
                await channels_login(self.scope, user)
                session = self.scope["session"]
                await session.asave()
                cookie = f"sessionid={session.session_key}; Path=/".encode()
                await self.accept(headers=[(b"set-cookie", cookie)])

        inner = LoggingIn.as_asgi()
        client = WSClient(application=asgi.AuthMiddlewareStack(inner))
        client.set_cookie("theme", "dark")
        client.connect()
        self.assertEqual(client.session["_auth_user_id"], str(self.ann.pk))


class NoSessionTests(OuterTestCase):
    def test_each_call_says_what_is_missing(self):
        class Inner(SimpleWebsocketTestCase):
            application = EchoConsumer.as_asgi()

            def test_session(self):
                _ = WSClient().session

            def test_login(self):
                WSClient().login(username="ann")

            def test_force_login(self):
                WSClient().force_login(mock.sentinel.user)

            async def test_asession(self):
                await WSClient().asession()

            async def test_alogin(self):
                await WSClient().alogin(username="ann")

            async def test_aforce_login(self):
                await WSClient().aforce_login(mock.sentinel.user)

        with override_settings(INSTALLED_APPS=["channels"]):
            result = run_case(Inner)
        self.assertEqual(
            [(type(error), str(error)) for error in result.raised],
            [(OSError, NO_SESSIONS)] * 6,
        )
