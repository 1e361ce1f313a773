"""``apply_routes``: routes for a test, in place of the project's."""

from __future__ import annotations

import asyncio
import inspect
import pickle
import unittest
from typing import Any

from channels.consumer import AsyncConsumer
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.routing import ChannelNameRouter, ProtocolTypeRouter, URLRouter
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.test import SimpleTestCase, override_settings
from django.urls import include, path, re_path

from channels_testkit import (
    ChannelClient,
    SimpleWebsocketTestCase,
    WebsocketTestCase,
    WSClient,
    apply_routes,
)
from tests.utils import OuterTestCase, run_case


class NamedConsumer(AsyncJsonWebsocketConsumer):
    """Says its name."""

    def __init__(self, name: str = "unnamed") -> None:
        super().__init__()
        self.name = name

    async def connect(self) -> None:
        await self.accept()
        await self.send_json(self.name)


class WorkConsumer(AsyncConsumer):
    async def work(self, message: dict[str, Any]) -> None:
        self.has_worked = True


def named(name: str) -> Any:
    return NamedConsumer.as_asgi(name=name)


def routes(name: str) -> list[Any]:
    return [path("new/", named(name))]


def heard(address: str = "/new/") -> object:
    """Return the name of who answers there."""
    client = WSClient()
    client.send_and_consume("websocket.connect", path=address)
    return client.receive()


async def aheard(address: str = "/new/") -> object:
    client = WSClient()
    await client.asend_and_consume("websocket.connect", path=address)
    return await client.areceive()


class RoutesTestCase(SimpleWebsocketTestCase):
    application: Any = URLRouter(routes("project"))


class BlockTests(RoutesTestCase):
    def test_they_hold_inside_the_block(self):
        with apply_routes(routes("block")):
            self.assertEqual(heard(), "block")
        self.assertEqual(heard(), "project")

    async def test_they_hold_inside_the_block_of_an_async_test(self):
        with apply_routes(routes("block")):
            self.assertEqual(await aheard(), "block")
        self.assertEqual(await aheard(), "project")

    def test_the_inner_block_wins(self):
        with apply_routes(routes("outer")):
            with apply_routes(routes("inner")):
                self.assertEqual(heard(), "inner")
            self.assertEqual(heard(), "outer")
        self.assertEqual(heard(), "project")

    async def test_the_inner_block_wins_in_an_async_test(self):
        with apply_routes(routes("outer")):
            with apply_routes(routes("inner")):
                self.assertEqual(await aheard(), "inner")
            self.assertEqual(await aheard(), "outer")

    def test_a_block_that_raises_ends(self):
        with self.assertRaises(KeyError), apply_routes(routes("block")):
            raise KeyError
        self.assertEqual(heard(), "project")

    async def test_a_block_that_raises_ends_in_an_async_test(self):
        with self.assertRaises(KeyError), apply_routes(routes("block")):
            raise KeyError
        self.assertEqual(await aheard(), "project")

    def test_it_can_be_entered_again_also_in_itself(self):
        block = apply_routes(routes("block"))
        for _ in range(2):
            with block, apply_routes(routes("inner")):
                with block:
                    self.assertEqual(heard(), "block")
                self.assertEqual(heard(), "inner")
            self.assertEqual(heard(), "project")

    async def test_tasks_may_leave_in_another_order(self):
        first, second = apply_routes(routes("first")), apply_routes(routes("second"))
        with contextless(first) as leave_first, contextless(second) as leave_second:
            leave_first()
            self.assertEqual(await aheard(), "second")
            leave_second()
            self.assertEqual(await aheard(), "project")

    def test_a_connection_keeps_its_application(self):
        client = WSClient()
        with apply_routes(routes("block")):
            client.connect("/new/")
        client.send_json([1])
        self.assertOpen(client)

    def test_every_way_to_connect_meets_them(self):
        with apply_routes(routes("block")):
            client = self.connect("/new/")
            self.assertReceivesJson(client, "block")

    def test_an_application_that_is_given_counts_more(self):
        with apply_routes(routes("block")):
            client = self.connect("/", application=named("given"))
        self.assertReceivesJson(client, "given")

    def test_a_path_without_a_route_lists_those_that_are(self):
        with (
            apply_routes(routes("block"), middleware=None),
            self.assertRaises(AssertionError) as caught,
        ):
            heard("/nwe/")
        self.assertEqual(
            str(caught.exception),
            "No route found for path 'nwe/'.\n\nThe routes are:\n  /new/",
        )

    def test_a_route_that_begins_with_a_slash_is_told(self):
        inner = [path("/here/", named("block"))]
        for route, hint in (
            (path("/new/", named("block")), "write 'new/', not '/new/', for '/new/'"),
            (re_path("^/new/$", named("block")), "write 'new/', not '/new/'"),
            (path("new/", URLRouter(inner)), "not '/here/', for '/new/here/'"),
        ):
            with (
                apply_routes([path("other/", named("other")), route]),
                self.assertRaises(AssertionError) as caught,
            ):
                heard("/new/here/")
            self.assertIn("A route begins after the slash: ", str(caught.exception))
            self.assertIn(hint, str(caught.exception))

    def test_channels_only_serve_no_websockets(self):
        with (
            apply_routes({"work": WorkConsumer.as_asgi()}),
            self.assertRaisesMessage(ImproperlyConfigured, "has no websocket route"),
        ):
            heard()


class contextless:  # noqa: N801 - used as a function
    """Enter a block now, and let the test say when it is left."""

    def __init__(self, block: apply_routes) -> None:
        self.block = block

    def __enter__(self) -> Any:
        self.block.__enter__()
        return self.leave

    def leave(self) -> None:
        self.block.__exit__(None, None, None)

    def __exit__(self, *exc_info: object) -> None:
        """Do nothing: the test has left."""


class KindsTests(RoutesTestCase):
    def test_a_path(self):
        with apply_routes(path("new/<int:number>/", named("path"))):
            self.assertEqual(heard("/new/7/"), "path")

    def test_a_regular_expression(self):
        with apply_routes(re_path(r"^new/\d+/$", named("expression"))):
            self.assertEqual(heard("/new/7/"), "expression")

    def test_lists_of_lists(self):
        given = [
            [path("a/", named("a"))],
            [[path("b/", named("b")), {"work": WorkConsumer.as_asgi()}]],
            (path("c/", named("c")),),
            {"more": WorkConsumer.as_asgi()},
        ]
        with apply_routes(given):
            self.assertEqual([heard(f"/{name}/") for name in "abc"], ["a", "b", "c"])
            client = ChannelClient()
            for channel in ("work", "more"):
                consumer = client.send_and_consume(channel, {"type": "work"})
                self.assertTrue(consumer.has_worked)

    async def test_lists_of_lists_in_an_async_test(self):
        given = [[path("a/", named("a"))], [[{"work": WorkConsumer.as_asgi()}]]]
        with apply_routes(given):
            self.assertEqual(await aheard("/a/"), "a")
            client = ChannelClient()
            consumer = await client.asend_and_consume("work", {"type": "work"})
            self.assertTrue(consumer.has_worked)

    def test_a_bare_consumer_serves_every_path(self):
        with apply_routes(named("bare")):
            self.assertEqual([heard("/"), heard("/any/")], ["bare", "bare"])

    def test_a_bare_consumer_beside_channels(self):
        with apply_routes([named("bare"), {"work": WorkConsumer.as_asgi()}]):
            self.assertEqual(heard("/any/"), "bare")
            ChannelClient().send_and_consume("work", {"type": "work"})

    def test_a_whole_application_is_used_as_it_is(self):
        application = ProtocolTypeRouter(
            {
                "websocket": URLRouter(routes("whole")),
                "channel": ChannelNameRouter({"work": WorkConsumer.as_asgi()}),
            }
        )
        with apply_routes(application) as used:
            self.assertIs(used, application)
            self.assertEqual(heard(), "whole")
            ChannelClient().send_and_consume("work", {"type": "work"})

    def test_nested_routers(self):
        inner = URLRouter([path("new/", named("inner"))])
        with apply_routes([path("outer/", inner)]):
            self.assertEqual(heard("/outer/new/"), "inner")

    def test_aliases_are_accepted(self):
        with apply_routes(routes("block"), ["default"]):
            self.assertEqual(heard(), "block")
        with apply_routes(routes("block"), aliases=["default", "other"]):
            self.assertEqual(heard(), "block")


class MiddlewareTests(WebsocketTestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ann = User.objects.create_user("ann")

    def test_there_are_a_user_and_a_session(self):
        with apply_routes([path("new/", named("block"))]):
            client = self.connect("/new/", user=self.ann)
            self.assertEqual(client.scope["user"], self.ann)
            self.assertTrue(client.scope["session"].session_key)
            agent = WSClient()
            agent.force_login(self.ann)
            agent.connect("/new/")
            self.assertEqual(agent.scope["user"], self.ann)

    async def test_there_are_a_user_and_a_session_in_an_async_test(self):
        with apply_routes(named("bare")):
            communicator = await self.aconnect("/new/", user=self.ann)
        self.assertEqual(communicator.scope["user"], self.ann)

    def test_it_can_be_left_out(self):
        with apply_routes([path("new/", named("block"))], middleware=None):
            client = WSClient()
            client.connect("/new/")
        self.assertNotIn("session", client.scope)
        self.assertNotIn("user", client.scope)

    def test_it_can_be_another(self):
        def marked(inner: Any) -> Any:
            async def application(scope: Any, receive: Any, send: Any) -> None:
                await inner({**scope, "marked": True}, receive, send)

            return application

        with apply_routes([path("new/", named("block"))], middleware=marked):
            client = WSClient()
            client.connect("/new/")
        self.assertTrue(client.scope["marked"])
        self.assertNotIn("user", client.scope)

    def test_a_whole_application_gets_none(self):
        with apply_routes(URLRouter(routes("whole"))):
            client = WSClient()
            client.connect("/new/")
        self.assertNotIn("user", client.scope)

    def test_workers_get_none(self):
        with apply_routes({"work": WorkConsumer.as_asgi()}):
            consumer = ChannelClient().send_and_consume("work", {"type": "work"})
        self.assertNotIn("user", consumer.scope)


class NoAuthTests(SimpleTestCase):
    def test_without_auth_and_sessions_there_is_no_middleware(self):
        for installed in (["channels"], ["channels", "django.contrib.sessions"]):
            with (
                self.subTest(installed),
                override_settings(INSTALLED_APPS=installed),
                apply_routes(routes("block")) as application,
            ):
                websocket = application.application_mapping["websocket"]
                self.assertIsInstance(websocket, URLRouter)


class BadRoutesTests(SimpleTestCase):
    def test_no_route_is_refused(self):
        for nothing in ([], [[]], (), {}, [{}]):
            with self.subTest(nothing), self.assertRaises(ValueError) as caught:
                apply_routes(nothing)
            self.assertEqual(
                str(caught.exception), "apply_routes() needs at least one route."
            )

    def test_a_consumer_class_is_refused(self):
        for given in (
            NamedConsumer,
            [NamedConsumer],
            {"work": NamedConsumer},
            path("new/", NamedConsumer),
        ):
            with self.subTest(given), self.assertRaises(TypeError) as caught:
                apply_routes(given)
            self.assertEqual(
                str(caught.exception),
                "NamedConsumer is a consumer class, not an application: use"
                " NamedConsumer.as_asgi().",
            )

    def test_what_is_no_route_is_refused(self):
        for given in (None, "new/", [3]):
            with self.subTest(given), self.assertRaises(TypeError) as caught:
                apply_routes(given)
            self.assertIn("An ASGI application is callable", str(caught.exception))

    def test_an_include_is_what_channels_says(self):
        with self.assertRaisesMessage(ImproperlyConfigured, "include() is not"):
            apply_routes(path("new/", include(([], "new"))))

    def test_two_without_a_path_are_refused(self):
        whole = URLRouter(routes("whole"))
        for given in (
            [named("a"), named("b")],
            [named("a"), *routes("b")],
            [whole, *routes("b")],
            [whole, {"work": WorkConsumer.as_asgi()}],
            [named("a"), whole],
        ):
            with self.subTest(given), self.assertRaises(ValueError) as caught:
                apply_routes(given)
            self.assertEqual(
                str(caught.exception),
                "apply_routes() takes one application, or one consumer for every path."
                " To route several, give each a path, as in path('new/', consumer).",
            )

    def test_what_cannot_be_decorated_is_refused(self):
        for target, name in (
            (NamedConsumer, "the class NamedConsumer"),
            (3, "3"),
        ):
            with self.subTest(name), self.assertRaises(TypeError) as caught:
                apply_routes(routes("block"))(target)
            self.assertEqual(
                str(caught.exception),
                "apply_routes() decorates functions and test case classes, not"
                f" {name}.",
            )


class FunctionTests(RoutesTestCase):
    @apply_routes(routes("function"))
    def test_a_test(self):
        """Docstrings stay."""
        self.assertEqual(heard(), "function")

    @apply_routes(routes("function"))
    async def test_an_async_test(self):
        self.assertEqual(await aheard(), "function")
        await asyncio.sleep(0)
        self.assertEqual(await aheard(), "function")

    @apply_routes(routes("outer"))
    @apply_routes(routes("inner"))
    def test_the_inner_decorator_wins(self):
        self.assertEqual(heard(), "inner")

    @apply_routes(routes("outer"))
    @apply_routes(routes("inner"))
    async def test_the_inner_decorator_wins_in_an_async_test(self):
        self.assertEqual(await aheard(), "inner")

    @apply_routes(routes("function"))
    def help_out(self, greeting: str, *, name: str) -> tuple[object, str]:
        return heard(), f"{greeting}, {name}"

    def test_a_helper(self):
        for _ in range(2):
            answer = self.help_out("hello", name="ann")
            self.assertEqual(answer, ("function", "hello, ann"))
            self.assertEqual(heard(), "project")

    def test_the_function_keeps_its_name(self):
        self.assertEqual(self.test_a_test.__name__, "test_a_test")
        self.assertEqual(self.test_a_test.__doc__, "Docstrings stay.")
        self.assertTrue(inspect.iscoroutinefunction(type(self).test_an_async_test))

    def test_a_function_that_raises_leaves_nothing(self):
        @apply_routes(routes("function"))
        def fail() -> None:
            raise KeyError

        with self.assertRaises(KeyError):
            fail()
        self.assertEqual(heard(), "project")


@apply_routes(routes("class"))
class DecoratedTests(RoutesTestCase):
    def setUp(self):
        # Without super().setUp(), and it meets the routes already.
        self.heard_in_set_up = heard()

    def tearDown(self):
        self.assertEqual(heard(), "class")

    def test_set_up_and_test_meet_them(self):
        self.assertEqual(self.heard_in_set_up, "class")
        self.assertEqual(heard(), "class")

    async def test_an_async_test_meets_them(self):
        self.assertEqual(self.heard_in_set_up, "class")
        self.assertEqual(await aheard(), "class")

    @apply_routes(routes("function"))
    def test_a_method_of_its_own_wins(self):
        self.assertEqual(self.heard_in_set_up, "class")
        self.assertEqual(heard(), "function")

    @apply_routes(routes("function"))
    async def test_an_async_method_of_its_own_wins(self):
        self.assertEqual(await aheard(), "function")

    def test_it_can_be_pickled(self):
        copy = pickle.loads(pickle.dumps(type(self)("test_it_can_be_pickled")))
        self.assertIs(type(copy), type(self))


class InheritedTests(DecoratedTests):
    def setUp(self):
        self.heard_in_set_up = heard()


@apply_routes(routes("third"))
class ThirdTests(InheritedTests):
    """The routes of a subclass win over those that it inherits."""

    def tearDown(self):
        self.assertEqual(heard(), "third")

    def test_set_up_and_test_meet_them(self):
        self.assertEqual(self.heard_in_set_up, "third")
        self.assertEqual(heard(), "third")

    async def test_an_async_test_meets_them(self):
        self.assertEqual(await aheard(), "third")

    def test_a_method_of_its_own_wins(self):
        self.assertEqual(self.heard_in_set_up, "third")

    def test_it_can_be_pickled(self):
        pickle.dumps(type(self)("test_it_can_be_pickled"))


@apply_routes(routes("outer"))
@apply_routes(routes("inner"))
class TwiceDecoratedTests(RoutesTestCase):
    def test_the_inner_decorator_wins(self):
        self.assertEqual(heard(), "inner")


class AroundTests(OuterTestCase):
    def test_they_have_gone_after_a_class(self):
        @apply_routes(routes("class"))
        class Inner(RoutesTestCase):
            def test(self):
                pass

        class Next(RoutesTestCase):
            def test(self):
                self.assertEqual(heard(), "project")

        for case in (Inner, Next):
            self.assertEqual(run_case(case).texts, [])

    def test_they_have_gone_after_a_set_up_that_raises(self):
        @apply_routes(routes("class"))
        class Inner(RoutesTestCase):
            def setUp(self):
                raise KeyError("asked for")

            def test(self):
                """Is not reached."""

        class Next(RoutesTestCase):
            def test(self):
                self.assertEqual(heard(), "project")

        self.assertEqual(run_case(Inner).texts, ["'asked for'"])
        self.assertEqual(run_case(Next).texts, [])

    def test_debug_meets_them(self):
        seen = []

        @apply_routes(routes("class"))
        class Inner(RoutesTestCase):
            def test(self):
                seen.append(heard())

        Inner.setUpClass()
        self.addCleanup(Inner.doClassCleanups)
        Inner("test").debug()
        self.assertEqual(seen, ["class"])

    def test_a_test_case_that_is_not_the_kits_can_be_decorated(self):
        seen = []

        @apply_routes(routes("class"))
        class Inner(unittest.TestCase):
            def test(self):
                seen.append(run_case(Nested).texts)

        class Nested(RoutesTestCase):
            def test(self):
                self.assertEqual(heard(), "class")

        self.assertEqual(run_case(Inner).texts, [])
        self.assertEqual(seen, [[]])
