"""A connection is a browser's: its cookies, its session, its login."""

from __future__ import annotations

import datetime as dt
from typing import Any
from urllib.parse import unquote

from channels.auth import AuthMiddlewareStack, get_user
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.routing import URLRouter
from channels.sessions import SessionMiddlewareStack
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.sessions.backends.db import SessionStore
from django.test import AsyncClient, Client, TestCase, override_settings
from django.urls import path

from channels_testkit import (
    SimpleWebsocketTestCase,
    WebsocketCommunicator,
    WebsocketTestCase,
    WSClient,
)
from tests.app.consumers import EchoConsumer
from tests.explored import not_explored
from tests.utils import OuterTestCase, run_case

START = dt.datetime(2030, 1, 1, tzinfo=dt.timezone.utc)
DELETED = "expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/"


class SettingConsumer(AsyncJsonWebsocketConsumer):
    """Sets the cookies of its query string with the handshake."""

    async def connect(self) -> None:
        lines = unquote(self.scope["query_string"].decode()).split("&")
        headers = [(b"Set-Cookie", line.encode()) for line in lines if line]
        await self.accept(headers=headers)


SETTING = AuthMiddlewareStack(SettingConsumer.as_asgi())


class IdentityTestCase(WebsocketTestCase):
    ws_path = "/ws/echo/"

    @classmethod
    def setUpTestData(cls) -> None:
        cls.ann = User.objects.create_user("ann", password="secret")
        cls.ben = User.objects.create_user("ben", password="secret")

    def cookies_sent(self, client: Any) -> dict[str, str]:
        header = dict(client.scope["headers"]).get(b"cookie", b"").decode()
        return dict(pair.split("=", 1) for pair in header.split("; ") if pair)


class WaysToLogInTests(IdentityTestCase):
    """However a connection was logged in, the picture is the same."""

    def ways(self) -> Any:
        browser, async_browser = Client(), AsyncClient()
        for client in (browser, async_browser, self.client):
            client.force_login(self.ann)
        by_itself = self.create_client()
        by_itself.force_login(self.ann)
        session = Client()
        session.force_login(self.ann)
        key = session.cookies["sessionid"].value
        yield "user", self.create_client(user=self.ann)
        yield "client", self.create_client(client=browser)
        yield "async client", self.create_client(client=async_browser)
        yield "self.client", self.create_client()
        yield "force_login", by_itself
        yield "cookies", self.create_client(cookies={"sessionid": key})
        yield "free-standing", WSClient(self.ws_path, user=self.ann)

    def test_cookies_session_and_login_last_until_logout(self) -> None:
        for way, ann in self.ways():
            with self.subTest(way):
                self.assertTrue(ann.connect())
                self.assertEqual(ann.scope["user"], self.ann)
                key = ann.scope["session"].session_key
                self.assertEqual(ann.cookies["sessionid"].value, key)
                self.assertEqual(ann.session.session_key, key)
                self.assertEqual(ann.session["_auth_user_id"], str(self.ann.pk))

                ann.session["room"] = "lobby"
                ann.session.save()
                self.assertTrue(ann.reconnect())
                self.assertEqual(ann.scope["user"], self.ann)
                self.assertEqual(ann.scope["session"].session_key, key)
                self.assertEqual(ann.scope["session"]["room"], "lobby")

                ann.logout()
                self.assertEqual(dict(ann.cookies), {})
                self.assertTrue(ann.reconnect())
                self.assertTrue(ann.scope["user"].is_anonymous)
                self.assertEqual(self.cookies_sent(ann), {})

                self.assertTrue(ann.login(username="ben", password="secret"))
                self.assertTrue(ann.reconnect())
                self.assertEqual(ann.scope["user"], self.ben)

    def test_another_login_takes_the_place_of_the_first(self) -> None:
        for way, ann in self.ways():
            with self.subTest(way):
                ann.connect()
                ann.force_login(self.ben)
                self.assertTrue(ann.reconnect())
                self.assertEqual(ann.scope["user"], self.ben)

    def test_a_login_that_fails_changes_nothing(self) -> None:
        for way, ann in self.ways():
            with self.subTest(way):
                ann.connect()
                self.assertFalse(ann.login(username="ben", password="guess"))
                self.assertTrue(ann.reconnect())
                self.assertEqual(ann.scope["user"], self.ann)

    async def test_in_an_async_test(self) -> None:
        ann = self.create_client(user=self.ann)
        await ann.aconnect()
        session = await ann.asession()
        await session.aset("room", "lobby")
        await session.asave()
        await ann.areconnect()
        self.assertEqual(ann.scope["user"], self.ann)
        self.assertEqual(ann.scope["session"]["room"], "lobby")
        await ann.alogout()
        await ann.areconnect()
        self.assertTrue(ann.scope["user"].is_anonymous)
        await ann.alogin(username="ben", password="secret")
        await ann.areconnect()
        self.assertEqual(ann.scope["user"], self.ben)

    async def test_a_communicator_keeps_its_session(self) -> None:
        ann = await self.aconnect(user=self.ann)
        key = ann.scope["session"].session_key
        await ann.reconnect()
        self.assertEqual(ann.scope["user"], self.ann)
        self.assertEqual(ann.scope["session"].session_key, key)

    def test_the_session_of_a_user_comes_with_the_login(self) -> None:
        ann = self.create_client(user=self.ann)
        with self.assertRaises(RuntimeError) as caught:
            _ = ann.session
        self.assertEqual(
            str(caught.exception),
            "A client with user= has no session before connect(), which logs the user"
            " in: connect first, or write force_login(user) instead of user=.",
        )
        ann.force_login(self.ann)
        ann.session["room"] = "lobby"
        ann.session.save()
        ann.connect()
        self.assertEqual(ann.scope["session"]["room"], "lobby")
        self.assertTrue(self.create_client(user=AnonymousUser()).session.session_key)

    async def test_the_session_of_a_user_comes_with_the_login_async(self) -> None:
        ann = self.create_client(user=self.ann)
        with self.assertRaisesMessage(RuntimeError, "has no session before connect()"):
            await ann.asession()

    def test_a_logout_before_the_first_connection_counts(self) -> None:
        ann = self.create_client(user=self.ann)
        ann.logout()
        ann.connect()
        self.assertTrue(ann.scope["user"].is_anonymous)

    def test_a_logout_ends_a_login_that_the_scope_was_given(self) -> None:
        ann = self.connect(user=self.ann, application=EchoConsumer.as_asgi())
        self.assertEqual(ann.scope["user"], self.ann)
        ann.logout()
        ann.reconnect()
        self.assertNotIn("user", ann.scope)

    def test_channels_1s_connect_keeps_the_login(self) -> None:
        ann = WSClient(user=self.ann)
        connect = ("websocket.connect", {"path": self.ws_path})
        ann.send_and_consume(*connect)
        key = ann.scope["session"].session_key
        ann.send_and_consume("websocket.disconnect")
        ann.send_and_consume(*connect)
        self.assertEqual(ann.scope["session"].session_key, key)
        ann.send_and_consume("websocket.disconnect")
        ann.logout()
        ann.send_and_consume(*connect)
        self.assertTrue(ann.scope["user"].is_anonymous)

    def test_connections_for_users_have_a_session_each(self) -> None:
        ann, ben = self.connect_many(users=[self.ann, self.ben])
        self.assertNotEqual(ann.session.session_key, ben.session.session_key)
        ann.logout()
        ann.reconnect()
        ben.reconnect()
        self.assertTrue(ann.scope["user"].is_anonymous)
        self.assertEqual(ben.scope["user"], self.ben)

    def test_the_user_is_expected_until_the_cookie_is_another(self) -> None:
        ben = Client()
        ben.force_login(self.ben)
        ann = self.connect(user=self.ann)
        ann.set_cookie("sessionid", ben.cookies["sessionid"].value)
        self.assertTrue(ann.reconnect())
        self.assertEqual(ann.scope["user"], self.ben)

    def test_a_session_that_has_gone_fails_the_next_handshake(self) -> None:
        ann = self.connect(user=self.ann)
        SessionStore(ann.session.session_key).delete()
        with self.assertRaisesMessage(AssertionError, "the user AnonymousUser"):
            ann.reconnect()


class OtherUserTests(IdentityTestCase):
    """A handshake of another user is told with what may be behind it."""

    def reconnect_fails(self, ann: Any) -> None:
        text = r"logged in at an earlier handshake.*write client= with a Django"
        with self.assertRaisesRegex(AssertionError, text):
            ann.reconnect()

    def test_a_user_whom_the_application_logs_out(self) -> None:
        ann = self.connect(user=self.ann)
        SessionStore(ann.session.session_key).flush()
        self.reconnect_fails(ann)

    def test_a_user_whose_password_has_changed(self) -> None:
        ann = self.connect(user=self.ann)
        self.ann.set_password("other")
        self.ann.save()
        self.reconnect_fails(ann)

    def test_a_user_who_has_gone(self) -> None:
        ann = self.connect(user=self.ann)
        User.objects.filter(pk=self.ann.pk).delete()
        self.reconnect_fails(ann)

    def test_the_way_that_is_named(self) -> None:
        browser = Client()
        browser.force_login(self.ann)
        ann = self.connect(client=browser)
        SessionStore(ann.session.session_key).flush()
        ann.reconnect()
        self.assertTrue(ann.scope["user"].is_anonymous)

    def a_cookie_header_fails(self, **options: Any) -> None:
        text = r"a Cookie header of its own.*Write cookies=\{'name': 'value'\}"
        with self.assertRaisesRegex(AssertionError, text):
            self.connect(user=self.ann, **options)

    def test_a_cookie_header_of_the_call(self) -> None:
        self.a_cookie_header_fails(headers={"Cookie": "lang=de"})

    def test_a_cookie_header_of_the_test_case(self) -> None:
        self.get_ws_headers = lambda: [(b"cookie", b"lang=de")]
        self.a_cookie_header_fails()

    def test_cookies_beside_a_login(self) -> None:
        ann = self.connect(user=self.ann, cookies={"lang": "de"})
        self.assertEqual(self.cookies_sent(ann)["lang"], "de")
        self.assertEqual(ann.scope["user"], self.ann)

    async def test_a_user_who_is_not_active(self) -> None:
        self.ben.is_active = False
        await self.ben.asave()
        with self.assertRaisesRegex(AssertionError, "user has is_active=False"):
            await self.aconnect(user=self.ben)


class LentCookieTests(IdentityTestCase):
    """``self.client`` is the same browser, until a client logs in or out."""

    def test_what_happens_there_counts_at_the_next_handshake(self) -> None:
        ann = self.connect()
        self.assertTrue(ann.scope["user"].is_anonymous)
        self.client.force_login(self.ann)
        ann.reconnect()
        self.assertEqual(ann.scope["user"], self.ann)
        self.client.force_login(self.ben)
        ann.reconnect()
        self.assertEqual(ann.scope["user"], self.ben)
        self.client.logout()
        ann.reconnect()
        self.assertTrue(ann.scope["user"].is_anonymous)

    def test_a_logout_here_leaves_the_test_client_logged_in(self) -> None:
        self.client.force_login(self.ann)
        ann = self.connect()
        ann.logout()
        ann.reconnect()
        self.assertTrue(ann.scope["user"].is_anonymous)
        self.assertEqual(self.connect().scope["user"], self.ann)
        self.assertEqual(self.client.session["_auth_user_id"], str(self.ann.pk))

    def test_a_login_here_leaves_the_test_client_alone(self) -> None:
        self.client.force_login(self.ann)
        ben = self.connect()
        ben.force_login(self.ben)
        ben.reconnect()
        self.assertEqual(ben.scope["user"], self.ben)
        self.assertEqual(self.connect().scope["user"], self.ann)

    def test_a_client_that_is_given_is_logged_out_as_well(self) -> None:
        browser = Client()
        browser.force_login(self.ann)
        ann = self.connect(client=browser)
        ann.logout()
        self.assertEqual(dict(browser.cookies), {})
        browser.force_login(self.ben)
        ann.reconnect()
        self.assertEqual(ann.scope["user"], self.ben)

    def test_cookies_of_its_own_do_not_hide_them(self) -> None:
        self.client.force_login(self.ann)
        self.client.cookies["theme"] = "dark"
        self.client.cookies["size"] = "1"
        ann = self.create_client(cookies={"size": "2"})
        ann.set_cookie("theme", "light")
        ann.connect()
        self.assertEqual(ann.scope["user"], self.ann)
        sent = self.cookies_sent(ann)
        self.assertEqual((sent["theme"], sent["size"]), ("light", "2"))
        self.assertEqual(self.client.cookies["theme"].value, "dark")

    def test_one_that_is_deleted_here_is_not_sent(self) -> None:
        self.client.force_login(self.ann)
        ann = self.connect()
        del ann.cookies["sessionid"]
        ann.reconnect()
        self.assertTrue(ann.scope["user"].is_anonymous)
        self.assertIn("sessionid", self.client.cookies)

    def test_its_own_session_settles_whose_connection_it_is(self) -> None:
        self.client.force_login(self.ann)
        self.async_client.force_login(self.ben)
        client = self.create_client()
        client.force_login(self.ann)
        self.assertTrue(client.connect())
        self.assertEqual(client.scope["user"], self.ann)

    async def test_a_communicator_follows_the_test_client(self) -> None:
        await self.async_client.aforce_login(self.ann)
        ann = await self.aconnect()
        await self.async_client.alogout()
        await ann.reconnect()
        self.assertTrue(ann.scope["user"].is_anonymous)


class HandshakeCookieTests(IdentityTestCase):
    ws_path = "/"
    application = SETTING

    def test_a_cookie_lasts_however_it_was_logged_in(self) -> None:
        browser = Client()
        for options in (
            {"user": self.ann},
            {"user": AnonymousUser()},
            {"client": browser},
            {"cookies": {"theme": "dark"}},
            {},
        ):
            with self.subTest(options):
                client = self.connect("/?seen=yes; Path=/; HttpOnly", **options)
                client.reconnect()
                self.assertEqual(self.cookies_sent(client)["seen"], "yes")
                self.assertEqual(client.cookies["seen"]["path"], "/")
        self.assertEqual(browser.cookies["seen"].value, "yes")
        self.assertEqual(self.client.cookies["seen"].value, "yes")

    async def test_a_cookie_lasts_in_an_async_test(self) -> None:
        ann = await self.aconnect("/?seen=yes", user=self.ann)
        self.assertNotIn("seen", self.cookies_sent(ann))
        await ann.drop()
        await ann.connect(ws_path="/")
        self.assertEqual(self.cookies_sent(ann)["seen"], "yes")
        self.assertEqual(ann.scope["user"], self.ann)

    @not_explored
    def test_a_cookie_goes_when_its_time_is_over(self) -> None:
        for client in (None, Client()):
            with self.virtual_time(START):
                ann = self.connect("/?seen=1; Max-Age=60", client=client)
                self.advance(59)
                ann.reconnect()
                self.assertEqual(self.cookies_sent(ann), {"seen": "1"})
                # The second handshake has set it again.
                self.advance(61)
                ann.reconnect()
                self.assertEqual(self.cookies_sent(ann), {})

    def test_a_cookie_that_is_deleted_goes(self) -> None:
        browser = Client()
        browser.cookies["seen"] = "yes"
        self.client.cookies["seen"] = "yes"
        for options in ({"client": browser}, {}, {"cookies": {"seen": "yes"}}):
            with self.subTest(options):
                client = self.connect(f"/?seen=; {DELETED}", **options)
                self.assertEqual(self.cookies_sent(client), {"seen": "yes"})
                self.assertNotIn("seen", client.cookies)
                client.drop()
                client.connect("/")
                self.assertEqual(self.cookies_sent(client), {})
        self.assertNotIn("seen", browser.cookies)
        self.assertNotIn("seen", self.client.cookies)

    def test_a_cookie_comes_back_after_it_was_deleted(self) -> None:
        self.client.cookies["seen"] = "yes"
        client = self.connect(f"/?seen=; {DELETED}")
        self.client.cookies["seen"] = "again"
        client.drop()
        client.connect("/")
        self.assertEqual(self.cookies_sent(client), {"seen": "again"})

    def test_a_handshake_that_logs_out_is_no_failure(self) -> None:
        ann = self.connect(f"/?sessionid=; {DELETED}", user=self.ann)
        self.assertEqual(ann.scope["user"], self.ann)
        ann.drop()
        self.assertTrue(ann.connect("/"))
        self.assertTrue(ann.scope["user"].is_anonymous)

    def test_a_session_of_the_handshake_takes_the_place(self) -> None:
        ben = Client()
        ben.force_login(self.ben)
        key = ben.cookies["sessionid"].value
        client = self.connect(f"/?sessionid={key}; Path=/", user=self.ann)
        session = client.session
        self.assertEqual(session["_auth_user_id"], str(self.ben.pk))
        client.drop()
        self.assertTrue(client.connect("/"))
        self.assertEqual(client.scope["user"], self.ben)

    def test_what_a_view_has_deleted_is_not_sent(self) -> None:
        self.client.cookies["seen"] = ""
        self.client.cookies["seen"]["max-age"] = 0
        client = self.connect("/")
        self.assertEqual(self.cookies_sent(client), {})

    def test_a_refused_handshake_sets_its_cookies(self) -> None:
        class Denying(AsyncJsonWebsocketConsumer):
            async def connect(self) -> None:
                response = {"status": 401, "headers": [(b"set-cookie", b"why=late")]}
                await self.send_response(**response)

            async def send_response(self, **start: Any) -> None:
                name = "websocket.http.response"
                await self.base_send({"type": f"{name}.start", **start})
                await self.base_send({"type": f"{name}.body", "body": b""})

        client = self.create_client(application=Denying.as_asgi())
        self.assertFalse(client.connect())
        self.assertEqual(client.cookies["why"].value, "late")


class TokenLoginTests(WebsocketTestCase):
    """Tokens are asked for with each handshake: a ticket may be used once."""

    ws_path = "/"

    def setUp(self) -> None:
        self.ann = User(username="ann", pk=1)
        self.tickets = 0

    def get_login(self, user: Any) -> dict[str, Any]:
        self.tickets += 1
        return {"query": {"ticket": self.tickets}, "cookies": {"device": "phone"}}

    def test_each_handshake_has_a_ticket_of_its_own(self) -> None:
        ann = self.connect(user=self.ann, application=EchoConsumer.as_asgi())
        self.assertEqual(ann.scope["query_string"], b"ticket=1")
        ann.reconnect()
        self.assertEqual(ann.scope["query_string"], b"ticket=2")
        self.assertEqual(ann.cookies["device"].value, "phone")
        ann.logout()
        ann.reconnect()
        self.assertEqual(ann.scope["query_string"], b"")
        self.assertEqual(dict(ann.cookies), {})
        self.assertEqual(self.tickets, 2)


class FindingConsumer(AsyncJsonWebsocketConsumer):
    """Looks up the user of the session by itself."""

    async def connect(self) -> None:
        self.scope["user"] = await get_user(self.scope)
        await self.accept()


class ForgetfulMiddleware:
    """Stands for an authentication that sets no user."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.inner(dict(scope), receive, send)


class KeyMiddleware(ForgetfulMiddleware):
    """Sets the user that a header names."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        name = dict(scope["headers"])[b"x-key"].decode()
        user = await User.objects.aget(username=name)
        await self.inner({**scope, "user": user}, receive, send)


class RefusingConsumer(AsyncJsonWebsocketConsumer):
    async def connect(self) -> None:
        await self.close(code=4401)


refusing = RefusingConsumer.as_asgi()
bare = EchoConsumer.as_asgi()
without_auth = ForgetfulMiddleware(EchoConsumer.as_asgi())
partly_with_auth = URLRouter(
    [path("with/", AuthMiddlewareStack(bare)), path("", without_auth)]
)
by_key = KeyMiddleware(EchoConsumer.as_asgi())
finding = SessionMiddlewareStack(FindingConsumer.as_asgi())


class NoAuthTests(OuterTestCase):
    """The project's own application must find the user by itself."""

    def run_on(self, name: str, case: type) -> list[str]:
        with override_settings(ASGI_APPLICATION=f"{__name__}.{name}"):
            return [text.partition("\n")[0] for text in run_case(case).texts]

    def test_it_fails_without_auth(self) -> None:
        class Inner(SimpleWebsocketTestCase):
            ws_path = "/"

            def setUp(self) -> None:
                self.ann = AnonymousUser()

            def test_connect(self) -> None:
                self.connect(user=self.ann)

            def test_unconnected(self) -> None:
                self.create_client(user=self.ann).connect()

            async def test_communicator(self) -> None:
                await self.aconnect(user=self.ann)

        for name in ("bare", "without_auth", "partly_with_auth"):
            with self.subTest(name):
                self.assertEqual(
                    self.run_on(name, Inner),
                    [
                        "anonymous (/) was opened as AnonymousUser, but"
                        f" ASGI_APPLICATION ('{__name__}.{name}') sets no"
                        " scope['user'] on this route."
                    ]
                    * 3,
                )

    def test_a_refusal_in_front_of_auth_is_a_refusal(self) -> None:
        class Inner(WebsocketTestCase):
            ws_path = "/ws/echo/"

            def test_connect(self) -> None:
                user = User.objects.create_user("ann")
                ann = self.create_client(user=user, origin="https://elsewhere.example")
                self.assertEqual(ann.connect(), (False, 1000))

        self.assertEqual(run_case(Inner).texts, [])

    def test_a_refusal_without_auth_shows_that_there_was_no_user(self) -> None:
        class Inner(SimpleWebsocketTestCase):
            ws_path = "/"

            def test_connect(self) -> None:
                self.connect(user=AnonymousUser())

        with override_settings(ASGI_APPLICATION=f"{__name__}.refusing"):
            (text,) = run_case(Inner).texts
        self.assertIn("\nscope['user']: not set\n", text)
        self.assertIn("\nIt was opened as AnonymousUser.", text)

    def test_it_does_not_where_the_test_gives_the_application(self) -> None:
        class Inner(SimpleWebsocketTestCase):
            ws_path = "/"

            def test_connect(self) -> None:
                user = AnonymousUser()
                ann = self.connect(user=user, application=without_auth)
                self.assertIs(ann.scope["user"], user)
                self.application = without_auth
                self.assertIs(self.connect(user=user).scope["user"], user)

        self.assertEqual(self.run_on("without_auth", Inner), [])

    def test_it_does_not_where_middleware_of_its_own_sets_the_user(self) -> None:
        class Inner(WebsocketTestCase):
            ws_path = "/"

            def get_login(self, user: Any) -> dict[str, Any]:
                return {"headers": {"x-key": user.username}}

            def test_connect(self) -> None:
                user = User.objects.create_user("ann")
                self.assertEqual(self.connect(user=user).scope["user"], user)

        self.assertEqual(self.run_on("by_key", Inner), [])

    def test_it_does_not_where_the_consumer_finds_the_user(self) -> None:
        class Inner(WebsocketTestCase):
            ws_path = "/"

            def test_connect(self) -> None:
                user = User.objects.create_user("ann")
                self.assertEqual(self.connect(user=user).scope["user"], user)

        self.assertEqual(self.run_on("finding", Inner), [])

    def test_with_a_login_of_its_own_the_scope_is_left_alone(self) -> None:
        class Inner(SimpleWebsocketTestCase):
            ws_path = "/"

            def get_login(self, user: Any) -> dict[str, Any]:
                return {"headers": {"x-key": "secret"}}

            def test_connect(self) -> None:
                ann = self.connect(user=AnonymousUser())
                self.assertNotIn("user", ann.scope)

        for name in ("bare", "without_auth"):
            self.assertEqual(self.run_on(name, Inner), [])


class OutsideTests(TestCase):
    """Without a test case of ours, a communicator has a jar as well."""

    async def test_a_cookie_lasts(self) -> None:
        communicator = WebsocketCommunicator(SettingConsumer.as_asgi(), "/?seen=yes")
        await communicator.connect()
        await communicator.drop()
        await communicator.connect(ws_path="/")
        self.assertIn((b"cookie", b"seen=yes"), communicator.scope["headers"])
        await communicator.disconnect()
