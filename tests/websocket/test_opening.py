from __future__ import annotations

import dataclasses
from typing import ClassVar, get_args

from channels.auth import AuthMiddlewareStack
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.security.websocket import OriginValidator
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpResponse
from django.test import (
    AsyncClient,
    Client,
    SimpleTestCase,
    TransactionTestCase,
    override_settings,
)
from django.urls import path

from channels_testkit import (
    ChannelTestCase,
    ConnectOptions,
    ProtocolError,
    SimpleWebsocketTestCase,
    WebsocketCommunicator,
    WebsocketTestCase,
    WSClient,
)
from channels_testkit.asgi.breaches import BREACHES, BreachName
from channels_testkit.asgi.login import Login
from channels_testkit.websocket.opening import Options
from tests.app import asgi
from tests.app.consumers import EchoConsumer, WhoConsumer
from tests.utils import run_case

ECHO = EchoConsumer.as_asgi()


class CookieConsumer(AsyncJsonWebsocketConsumer):
    """Sets a cookie with the handshake."""

    async def connect(self):
        await self.accept(headers=[(b"Set-Cookie", b"seen=yes; Path=/")])


class TokenMiddleware:
    """Looks for a token in header, query and subprotocols."""

    def __init__(self, inner):
        self.inner = inner

    async def __call__(self, scope, receive, send):
        tokens = [
            dict(scope["headers"]).get(b"x-token", b"").decode(),
            scope["query_string"].decode().partition("token=")[2],
            *scope["subprotocols"],
        ]
        name = next((token for token in tokens if token), None)
        user = await self.find(name)
        await self.inner({**scope, "user": user}, receive, send)

    @database_sync_to_async
    def find(self, name):
        return User.objects.filter(username=name).first() or AnonymousUser()


TOKENS = TokenMiddleware(EchoConsumer.as_asgi())


def set_cookie(request):
    response = HttpResponse()
    response.set_cookie("from_view", "yes")
    return response


urlpatterns = [path("set-cookie/", set_cookie)]


class UserTestCase(WebsocketTestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ann = User.objects.create_user("ann")
        cls.ben = User.objects.create_user("ben")


class OptionTests(SimpleWebsocketTestCase):
    ws_path = "/ws/?a=1"
    application = ECHO
    ws_headers: ClassVar = {"X-Class": "yes"}
    subprotocols: ClassVar = ["chat.v1"]

    def headers_of(self, **options):
        return dict(self.connect(**options).scope["headers"])

    def test_headers_of_the_class_go_with_each_connection(self):
        self.assertEqual(
            self.headers_of(),
            {
                b"x-class": b"yes",
                b"host": b"testserver",
                b"origin": b"http://testserver",
            },
        )

    def test_headers_of_a_call_replace_them(self):
        for headers in ({"X-Call": "yes"}, [(b"x-call", b"yes")]):
            with self.subTest(headers=headers):
                found = self.headers_of(headers=headers)
                self.assertEqual(found[b"x-call"], b"yes")
                self.assertNotIn(b"x-class", found)
                self.assertEqual(found[b"host"], b"testserver")

    def test_given_headers_are_not_added_again(self):
        headers = {"Host": "chat.example", "Origin": "http://a", "Cookie": "c=1"}
        ann = self.connect(headers=headers, cookies={"d": "2"})
        self.assertEqual(
            ann.scope["headers"],
            [(b"host", b"chat.example"), (b"origin", b"http://a"), (b"cookie", b"c=1")],
        )

    def test_origin_can_be_another_or_none(self):
        self.assertEqual(self.headers_of(origin="https://a")[b"origin"], b"https://a")
        self.assertNotIn(b"origin", self.headers_of(origin=None))

    def test_cookies_make_a_header(self):
        found = self.headers_of(cookies={"theme": "dark", "size": "1"})
        self.assertEqual(found[b"cookie"], b"theme=dark; size=1")

    def test_subprotocols_of_a_call_replace_those_of_the_class(self):
        self.assertEqual(self.connect().scope["subprotocols"], ["chat.v1"])
        ann = self.connect(subprotocols=["chat.v3", "chat.v2"])
        self.assertEqual(ann.scope["subprotocols"], ["chat.v3", "chat.v2"])
        self.assertEqual(self.connect(subprotocols=[]).scope["subprotocols"], [])

    def test_query_is_added_to_that_of_the_path(self):
        self.assertEqual(self.connect(query={"b": 2}).scope["query_string"], b"a=1&b=2")

    def test_path_kwargs_stand_for_a_route(self):
        ann = self.connect(path_kwargs={"room": "lobby"})
        self.assertEqual(
            ann.scope["url_route"], {"args": (), "kwargs": {"room": "lobby"}}
        )

    def test_scope_is_merged_last(self):
        ann = self.connect(query="b=2", scope={"query_string": b"c=3", "tenant": "x"})
        self.assertEqual(ann.scope["query_string"], b"c=3")
        self.assertEqual(ann.scope["tenant"], "x")

    def test_extensions_are_those_of_the_class(self):
        self.assertEqual(
            self.connect().scope["extensions"], {"websocket.http.response": {}}
        )
        self.asgi_extensions = {}
        self.assertEqual(self.connect().scope["extensions"], {})

    def test_wrong_options_are_type_errors_at_once(self):
        for options, text in (
            (
                {"client": "203.0.113.7"},
                "client= is a Django test client, not '203.0.113.7'. To set the address"
                " of the peer, use remote_address=.",
            ),
            (
                {"remote_address": Client()},
                "remote_address= is the address of the peer. To pass a Django test"
                " client, use client=.",
            ),
            ({"user": 1}, "user= is a user, not 1."),
            (
                {"user": AnonymousUser(), "client": Client()},
                "Give user= or client=, not both.",
            ),
            ({"headers": 7}, "headers are a dict or a list of pairs, not 7."),
            ({"subprotocols": "ab"}, "Subprotocols are a list of str, not 'ab'."),
            ({"subprotocols": 3}, "Subprotocols are a list of str, not 3."),
            ({"subprotocols": [1]}, "Subprotocols are a list of str, not [1]."),
            ({"path_kwargs": 3}, "path_kwargs= is a dict, not 3."),
            ({"scope": 3}, "scope= is a dict, not 3."),
            ({"query": 3}, "query= is a dict, a list of pairs or a str, not 3."),
            (
                {"user": AnonymousUser},
                "user= is a user, not <class"
                " 'django.contrib.auth.models.AnonymousUser'>.",
            ),
            ({"origin": b"a"}, "origin= is a str or None, not b'a'."),
            ({"cookies": "a=1"}, "cookies= is a dict, not 'a=1'."),
            (
                {"cookies": {"a": None}},
                "cookies= has None for 'a': the value of a cookie is a str.",
            ),
            (
                {"cookies": {b"a": "1"}},
                "cookies= has the name b'a': the name of a cookie is a str.",
            ),
            (
                {"application": EchoConsumer},
                "EchoConsumer is a consumer class, not an application: use"
                " EchoConsumer.as_asgi().",
            ),
        ):
            with self.subTest(text), self.assertRaises(TypeError) as caught:
                self.create_client(**options)
            self.assertEqual(str(caught.exception), text)

    def test_subprotocols_may_be_an_iterator(self):
        client = self.create_client(subprotocols=map(str, ["a"]))
        client.connect()
        self.assertEqual(client.scope["subprotocols"], ["a"])

    def test_headers_are_latin_1(self):
        for headers, what in (
            ({"a": "\u20ac"}, "The value of header 'a'"),
            ({"\u20ac": "a"}, "A header's name"),
        ):
            with self.subTest(what), self.assertRaises(ValueError) as caught:
                self.create_client(headers=headers)
            text = (
                f"{what} is '\u20ac', and a header can have only characters of"
                " Latin-1. Give others as bytes, in UTF-8 for instance."
            )
            self.assertEqual(str(caught.exception), text)
        self.create_client(headers={"a": "\u20ac".encode()})

    def test_an_unknown_option_is_a_type_error(self):
        for given, meant in (
            ("usr", "; did you mean user=?"),
            ("users", "; did you mean user=?"),
            ("header", "; did you mean headers=?"),
            ("recieve_timeout", "; did you mean receive_timeout=?"),
            ("xyz", "; there are application=, application_errors=, check_protocol=,"),
        ):
            for make in (self.connect, self.create_client, self.create_communicator):
                with self.subTest(given, make=make):
                    with self.assertRaises(TypeError) as caught:
                        make(**{given: None})
                    text = f"A connection has no option {given}={meant}"
                    self.assertEqual(str(caught.exception)[: len(text)], text)

    def test_what_types_know_is_what_there_is(self):
        options = {field.name for field in dataclasses.fields(Options)}
        self.assertEqual(ConnectOptions.__optional_keys__, options)
        self.assertEqual(set(get_args(BreachName)), set(BREACHES))

    def test_subprotocols_of_the_class_as_a_str_are_a_type_error(self):
        self.subprotocols = "chat.v1"
        with self.assertRaisesMessage(TypeError, "Subprotocols are a list of str"):
            self.connect()


class AskedTests(SimpleWebsocketTestCase):
    """The two methods run once a test, after setUp, where self.client is."""

    application = ECHO
    ws_path = "/"

    def setUp(self):
        self.calls = []
        self.is_set_up = True

    def get_ws_headers(self):
        self.calls.append(("headers", self.is_set_up, self.client is not None))
        return {"x-call": str(len(self.calls))}

    def get_subprotocols(self):
        self.calls.append(("subprotocols", self.is_set_up, self.client is not None))
        return ["chat.v1"]

    def check(self, *connections):
        self.assertEqual(
            self.calls, [("headers", True, True), ("subprotocols", True, True)]
        )
        for connection in connections:
            self.assertIn((b"x-call", b"1"), connection.scope["headers"])
            self.assertEqual(connection.scope["subprotocols"], ["chat.v1"])

    def test_once_in_a_sync_test(self):
        self.check(*self.connect_many(3))

    async def test_once_in_an_async_test(self):
        self.check(*await self.aconnect_many(3))


class AsyncAskedTests(AskedTests):
    async def get_ws_headers(self):
        return super().get_ws_headers()

    async def get_subprotocols(self):
        return super().get_subprotocols()


class LoginTests(UserTestCase):
    ws_path = "/ws/who/"

    def test_user_logs_in_by_session(self):
        ann = self.connect(user=self.ann)
        self.assertEqual(ann.receive_json(), {"user": "ann"})
        self.assertEqual(ann.scope["user"], self.ann)
        self.assertEqual(ann.scope["session"]["_auth_user_id"], str(self.ann.pk))
        self.assertEqual(ann.label, "ann (/ws/who/)")

    async def test_user_logs_in_by_session_in_an_async_test(self):
        ann = await self.aconnect(user=self.ann)
        self.assertReceivesJson(ann, {"user": "ann"})

    def test_the_login_leaves_the_test_client_alone(self):
        self.connect(user=self.ann)
        self.assertEqual(dict(self.client.cookies), {})

    def test_anonymous_user_sends_no_cookies(self):
        self.client.force_login(self.ann)
        nobody = self.create_client(user=AnonymousUser())
        self.assertEqual(nobody.connect(), (False, 4401))
        self.assertEqual(nobody.label, "anonymous (/ws/who/)")
        names = [name for name, _ in nobody.scope["headers"]]
        self.assertNotIn(b"cookie", names)

    def test_a_test_client_lends_its_cookies(self):
        for kind in (Client, AsyncClient):
            with self.subTest(kind):
                browser = kind()
                browser.force_login(self.ben)
                ben = self.connect(client=browser)
                self.assertEqual(ben.receive_json(), {"user": "ben"})

    def test_the_cookies_of_self_client_go_along(self):
        self.client.force_login(self.ann)
        self.client.cookies["theme"] = "dark"
        ann = self.connect(cookies={"size": "1"})
        self.assertEqual(ann.receive_json(), {"user": "ann"})
        cookie = dict(ann.scope["headers"])[b"cookie"]
        self.assertTrue(cookie.endswith(b"; theme=dark; size=1"), cookie)

    async def test_the_cookies_of_self_async_client_go_along(self):
        await self.async_client.aforce_login(self.ben)
        ben = await self.aconnect()
        self.assertReceivesJson(ben, {"user": "ben"})

    def test_two_sessions_are_an_error(self):
        self.client.force_login(self.ann)
        self.async_client.force_login(self.ben)
        with self.assertRaises(RuntimeError) as caught:
            self.connect()
        self.assertEqual(
            str(caught.exception),
            "self.client and self.async_client have different sessions: say whose"
            " connection this is, with user= or client=.",
        )

    def test_one_session_of_both_is_none(self):
        self.client.force_login(self.ann)
        self.async_client.cookies = self.client.cookies
        self.assertEqual(self.connect().receive_json(), {"user": "ann"})

    def test_a_cookie_of_the_handshake_goes_back(self):
        browser = Client()
        application = CookieConsumer.as_asgi()
        self.connect("/", application=application, client=browser)
        self.assertEqual(browser.cookies["seen"].value, "yes")
        self.assertNotIn("seen", self.client.cookies)
        self.connect("/", application=application)
        self.assertEqual(self.client.cookies["seen"].value, "yes")

    def test_create_touches_no_database(self):
        with self.assertNumQueries(0):
            self.create_client(user=self.ann)
            self.create_communicator(user=self.ann)

    def test_the_login_is_not_counted(self):
        with self.assertNumQueries(2):  # the session and the user, by middleware
            self.connect(user=self.ann)

    def test_for_an_application_without_auth_the_scope_gets_the_user(self):
        for application in (WhoConsumer.as_asgi(), asgi.websocket_application):
            with self.subTest(application):
                ann = self.connect(user=self.ann, application=application)
                self.assertEqual(ann.receive_json(), {"user": "ann"})

    def test_a_user_without_key_is_itself(self):
        user = AnonymousUser()
        ann = self.connect("/", application=ECHO, user=user)
        self.assertIs(ann.scope["user"], user)


class FreeStandingTests(ChannelTestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ann = User.objects.create_user("ann")

    def test_a_client_logs_in_by_session(self):
        ann = WSClient("/ws/who/", user=self.ann)
        self.assertTrue(ann.connect())
        self.assertEqual(ann.receive_json(), {"user": "ann"})

    async def test_a_communicator_sends_the_cookies_of_the_test_client(self):
        await self.async_client.aforce_login(self.ann)
        communicator = WebsocketCommunicator(None, "/ws/who/")
        self.assertTrue(await communicator.connect())
        self.assertEqual(await communicator.receive_json_from(), {"user": "ann"})


class OutsideTests(TransactionTestCase):
    async def test_a_user_logs_in_without_our_case(self):
        ann = await User.objects.acreate_user("ann")
        application = AuthMiddlewareStack(asgi.websocket_application)
        options = Options(user=ann, application=application)
        communicator = WebsocketCommunicator._from_options("/ws/who/", options)
        self.assertTrue(await communicator.connect())
        self.assertEqual(await communicator.receive_json_from(), {"user": "ann"})
        await communicator.disconnect()

    def test_a_client_needs_our_case(self):
        with self.assertRaises(RuntimeError) as caught:
            WSClient("/")
        self.assertEqual(
            str(caught.exception),
            "WSClient works while a ChannelTestCase or WebsocketTestCase test runs:"
            " make it in setUp() or in the test, not in a module, setUpClass() or"
            " setUpTestData(). Any other TestCase needs ChannelTestMixin before it.",
        )


class GetLoginTests(UserTestCase):
    ws_path = "/"
    application = TOKENS

    def get_login(self, user):
        return {
            "header": {"headers": {"X-Token": user.username}},
            "query": {"query": {"token": user.username}},
            "subprotocol": {"subprotocols": [user.username]},
            "cookies": {"cookies": {"token": user.username}},
            "wrong": {"token": user.username},
            "list": ["token"],
        }[self.way]

    def test_the_token_goes_where_it_says(self):
        for way in ("header", "query", "subprotocol"):
            with self.subTest(way):
                self.way = way
                ann = self.connect(user=self.ann)
                self.assertEqual(ann.scope["user"], self.ann)

    def test_a_subprotocol_comes_before_those_that_are_offered(self):
        self.way = "subprotocol"
        ann = self.connect(user=self.ann, subprotocols=["chat.v1"])
        self.assertEqual(ann.scope["subprotocols"], ["ann", "chat.v1"])

    def test_a_token_is_no_choice_of_a_subprotocol(self):
        """A browser drops the connection, whatever the token was good for."""
        self.way = "subprotocol"
        silent = {"application": TokenMiddleware(WhoConsumer.as_asgi())}
        with self.assertRaises(ProtocolError) as caught:
            self.connect(user=self.ann, subprotocols=["x" * 200], **silent)
        self.assertEqual(
            str(caught.exception).partition("\n")[0],
            "ann (/): The application accepted without a subprotocol, and a browser"
            " drops a connection where none of those that it offered is chosen; it"
            f" offered 'ann', '{'x' * 79} [truncated]..., so choose one of"
            " scope['subprotocols'], with accept(subprotocol=...).",
        )
        ben = {"user": self.ben, "check_protocol": ["subprotocol-not-chosen"]}
        self.assertEqual(self.connect(**ben, **silent).scope["user"], self.ben)

    def test_a_login_that_the_application_does_not_see_fails(self):
        self.way = "cookies"
        with self.assertRaises(AssertionError) as caught:
            self.connect(user=self.ann)
        self.assertEqual(
            str(caught.exception).partition("\n")[0],
            f"ann (/) was opened as ann (pk {self.ann.pk}), but the application's scope"
            " has the user AnonymousUser.",
        )

    def test_another_answer_is_a_type_error(self):
        for way in ("wrong", "list"):
            self.way = way
            with self.subTest(way), self.assertRaises(TypeError) as caught:
                self.connect(user=self.ann)
            self.assertEqual(
                str(caught.exception),
                "get_login() returns a dict with some of the keys 'headers', 'query',"
                f" 'subprotocols' and 'cookies', not {self.get_login(self.ann)!r}.",
            )


class AsyncGetLoginTests(UserTestCase):
    ws_path = "/"
    application = TOKENS

    async def get_login(self, user):
        found = await User.objects.aget(pk=user.pk)
        return {"headers": {"X-Token": found.username}}

    def test_in_a_sync_test(self):
        self.assertEqual(self.connect(user=self.ann).scope["user"], self.ann)

    async def test_in_an_async_test(self):
        ann = await self.aconnect(user=self.ann)
        self.assertEqual(ann.scope["user"], self.ann)


class NoSessionTests(SimpleTestCase):
    @override_settings(INSTALLED_APPS=["channels"])
    def test_without_sessions_only_the_scope_says_who_it_is(self):
        class Inner(SimpleWebsocketTestCase):
            application = EchoConsumer.as_asgi()
            ws_path = "/"

            def test(self):
                ann = self.connect(user=User(pk=1, username="ann"))
                names = [name for name, _ in ann.scope["headers"]]
                self.assertNotIn(b"cookie", names)

        self.assertEqual(run_case(Inner).texts, [])


class CookieOfAViewTests(SimpleWebsocketTestCase):
    @override_settings(ROOT_URLCONF=__name__)
    def test_goes_with_the_handshake(self):
        self.client.get("/set-cookie/")
        ann = self.connect("/", application=ECHO)
        self.assertIn((b"cookie", b"from_view=yes"), ann.scope["headers"])


class LoginValueTests(SimpleTestCase):
    def test_nothing_needs_to_be_said(self):
        self.assertEqual(Login.from_mapping({}), Login())

    def test_an_origin_that_the_validator_lists_is_the_default(self):
        class Inner(SimpleWebsocketTestCase):
            application = OriginValidator(ECHO, ["https://chat.example:444", "*.b"])
            ws_path = "/"

            def test(self):
                headers = dict(self.connect().scope["headers"])
                self.assertEqual(headers[b"origin"], b"https://chat.example:444")

        self.assertEqual(run_case(Inner).texts, [])
