from __future__ import annotations

import inspect
from unittest import mock

from channels.generic.websocket import (
    AsyncJsonWebsocketConsumer,
    JsonWebsocketConsumer,
)
from django.contrib.auth.models import User
from django.test import SimpleTestCase, override_settings

from channels_testkit import (
    NoFrame,
    SimpleWebsocketTestCase,
    WebsocketCommunicator,
    WebsocketTestCase,
    WSClient,
)
from channels_testkit.websocket.client import _OF_COMMUNICATORS
from channels_testkit.websocket.subjects import driver_of
from tests.app import asgi, failing
from tests.app.consumers import EchoConsumer
from tests.utils import run_case

#: Sync name, async name, method of the communicator.
TWINS = [
    ("reconnect", "areconnect", "reconnect"),
    ("send_text", "asend_text", "send_text"),
    ("send_bytes", "asend_bytes", "send_bytes"),
    ("send_json", "asend_json", "send_json"),
    ("send_message", "asend_message", "send_message"),
    ("send_input", "asend_input", "send_input"),
    ("receive_text", "areceive_text", "receive_text"),
    ("receive_bytes", "areceive_bytes", "receive_bytes"),
    ("receive_json", "areceive_json", "receive_json"),
    ("receive_all_json", "areceive_all_json", "receive_all_json"),
    ("receive_until", "areceive_until", "receive_until"),
    ("receive_nothing", "areceive_nothing", "receive_nothing"),
    ("receive_output", "areceive_output", "receive_output"),
    ("disconnect", "adisconnect", "disconnect"),
    ("drop", "adrop", "drop"),
    ("wait", "await_application", "wait"),
]


class TwinTests(SimpleTestCase):
    def test_each_has_name_signature_and_docstring(self):
        for sync_name, async_name, name in TWINS:
            method = getattr(WebsocketCommunicator, name)
            for twin in (sync_name, async_name):
                with self.subTest(twin):
                    function = getattr(WSClient, twin)
                    self.assertEqual(function.__name__, twin)
                    self.assertEqual(function.__qualname__, f"WSClient.{twin}")
                    self.assertEqual(function.__doc__, method.__doc__)
                    self.assertEqual(
                        inspect.signature(function), inspect.signature(method)
                    )

    def test_only_the_async_ones_are_coroutine_functions(self):
        for sync_name, async_name, _ in TWINS:
            with self.subTest(sync_name):
                self.assertFalse(
                    inspect.iscoroutinefunction(getattr(WSClient, sync_name))
                )
                twin = inspect.unwrap(getattr(WSClient, async_name))
                self.assertTrue(inspect.iscoroutinefunction(twin))

    def test_signatures_say_what_to_give(self):
        self.assertEqual(
            str(inspect.signature(WSClient.receive_nothing)),
            "(self, timeout: 'float' = 0.1, interval: 'float' = 0) -> 'bool'",
        )


class EchoTestCase(SimpleWebsocketTestCase):
    application = EchoConsumer.as_asgi()
    ws_path = "/"


class SyncTests(EchoTestCase):
    def test_says_and_hears(self):
        ann = self.create_client()
        self.assertEqual(ann.connect(), (True, None))
        ann.send_text("hello")
        self.assertEqual(ann.receive_text(), "hello")
        ann.send_bytes(b"\x00")
        self.assertEqual(ann.receive_bytes(), b"\x00")
        ann.send_message({"n": 1})
        self.assertEqual(ann.receive_json(), {"n": 1})
        ann.send_json({"n": 2})
        ann.send_json({"n": 3})
        self.assertFalse(ann.receive_nothing())
        self.assertEqual(ann.receive_until({"n": 2}), [{"n": 2}])
        self.assertEqual(ann.receive_all_json(), [{"n": 3}])
        self.assertTrue(ann.receive_nothing(timeout=60))
        self.assertEqual(len(ann.frames), 5)
        ann.send_json({"close": 4000})
        ann.assert_closed(code=4000)
        self.assertEqual(ann.receive_output()["code"], 4000)
        ann.wait()
        ann.disconnect()

    def test_events_one_by_one(self):
        ann = self.create_client()
        ann.send_input({"type": "websocket.connect"})
        self.assertEqual(ann.receive_output()["type"], "websocket.accept")
        ann.stop()
        ann.wait()

    def test_loses_its_connection_and_comes_back(self):
        ann = self.connect()
        ann.drop()
        self.assertTrue(ann.reconnect())
        self.assertOpen(ann)

    def test_connects_to_another_path(self):
        ann = self.create_client("/one/")
        ann.connect("/two/")
        self.assertEqual(ann.label, "/two/")

    def test_as_a_context_manager(self):
        with self.create_client() as ann:
            ann.send_json([1])
            self.assertEqual(ann.receive_json(), [1])
        self.assertFalse(driver_of(ann).needs_closing)
        with ann:
            ann.send_json({"close": 4000})
        self.assertClosed(ann, code=4000)

    def test_as_a_context_manager_a_refusal_fails(self):
        stranger = self.create_client(application=failing.forbid)
        with self.assertRaisesMessage(AssertionError, "/ refused the handshake"):
            stranger.__enter__()

    def test_disconnect_gives_consumers_code_and_reason(self):
        told = []

        class Sync(JsonWebsocketConsumer):
            def websocket_disconnect(self, message):
                told.append((message["code"], message["reason"]))
                super().websocket_disconnect(message)

        class Async(AsyncJsonWebsocketConsumer):
            async def websocket_disconnect(self, message):
                told.append((message["code"], message["reason"]))
                await super().websocket_disconnect(message)

        for kind in (Sync, Async):
            self.connect(application=kind.as_asgi()).disconnect(4000, reason="enough")
        self.assertEqual(told, 2 * [(4000, "enough")])

    def test_disconnect_gives_the_application_code_and_reason(self):
        ann = self.create_client()
        ann.connect()
        ann.disconnect(4000, reason="enough")
        last = ann.transcript.entries[-1].event
        self.assertEqual((last["code"], last["reason"]), (4000, "enough"))
        with self.assertRaisesMessage(ValueError, "write drop()."):
            ann.disconnect(1006)

    def test_ordered_is_accepted(self):
        self.assertTrue(WSClient("/", ordered=True).connect())

    def test_what_can_be_read(self):
        ann = self.connect("/ws/room/1/", application=asgi.websocket_application)
        self.assertIs(ann.scope, ann.consumer.scope)
        self.assertEqual(ann.channel_name, ann.consumer.channel_name)
        self.assertEqual(ann.groups, ["room-1"])
        self.assertEqual(ann.response_headers, [])
        self.assertIs(driver_of(ann), driver_of(ann._communicator))
        self.assertEqual(len(ann.transcript), 2)

    def test_a_receive_that_gets_nothing_harms_nothing(self):
        ann = self.connect()
        with self.assertRaises(NoFrame):
            ann.receive_json(timeout=60)
        ann.send_json([1])
        self.assertEqual(ann.receive_json(), [1])


class NameTests(EchoTestCase):
    def test_a_method_of_communicators_has_another_name(self):
        text = (
            "send_json_to() is a method of WebsocketCommunicator. A WSClient has"
            " send_json(), and asend_json() for async tests."
        )
        with self.assertRaisesMessage(AttributeError, text):
            self.connect().send_json_to({})

    def test_each_name_is_one_of_its_class(self):
        for name, ours in _OF_COMMUNICATORS.items():
            with self.subTest(name):
                self.assertTrue(hasattr(WebsocketCommunicator, name))
                self.assertTrue(hasattr(WSClient, f"a{ours}"))
                self.assertTrue(hasattr(WSClient, ours))

    def test_any_other_name_is_as_usual(self):
        text = "'WSClient' object has no attribute 'colour'"
        with self.assertRaisesMessage(AttributeError, text):
            self.connect().colour  # noqa: B018


class AsyncTests(EchoTestCase):
    async def test_says_and_hears(self):
        ann = self.create_client()
        self.assertTrue(await ann.aconnect("/two/"))
        await ann.asend_text("hello")
        self.assertEqual(await ann.areceive_text(), "hello")
        await ann.asend_bytes(b"\x00")
        self.assertEqual(await ann.areceive_bytes(), b"\x00")
        await ann.asend_message({"n": 1})
        self.assertEqual(await ann.areceive_json(), {"n": 1})
        await ann.asend_json({"n": 2})
        self.assertFalse(await ann.areceive_nothing())
        self.assertEqual(await ann.areceive_until({"n": 2}), [{"n": 2}])
        self.assertEqual(await ann.areceive_all_json(), [])
        await ann.adrop()
        self.assertTrue(await ann.areconnect())
        await ann.adisconnect()
        await ann.await_application()

    async def test_sync_calls_name_their_twins(self):
        ann = self.create_client()
        await ann.aconnect()
        calls = [
            (lambda: ann.connect(), "aconnect"),
            (lambda: ann.send_json({}), "asend_json"),
            (lambda: ann.receive_text(), "areceive_text"),
            (lambda: ann.disconnect(), "adisconnect"),
            (lambda: ann.wait(), "await_application"),
            (lambda: ann.login(username="ann"), "alogin"),
            (lambda: ann.force_login(None), "aforce_login"),
            (lambda: ann.logout(), "alogout"),
        ]
        for call, twin in calls:
            with self.subTest(twin), self.assertRaises(RuntimeError) as caught:
                call()
            self.assertEqual(
                str(caught.exception),
                f"A sync call in an async test: write 'await client.{twin}(...)'.",
            )

    def test_a_call_that_is_not_awaited_is_told(self):
        class Inner(EchoTestCase):
            async def test(self):
                ann = self.create_client()
                await ann.aconnect()
                ann.asend_json({})

        (text,) = run_case(Inner).texts
        self.assertIn("asend_json() was called at test_client.py:", text)


class LoginTests(WebsocketTestCase):
    ws_path = "/ws/who/"

    @classmethod
    def setUpTestData(cls):
        cls.ann = User.objects.create_user("ann", password="secret")

    def test_with_a_password(self):
        ann = self.create_client()
        self.assertFalse(ann.login(username="ann", password="guess"))
        self.assertFalse(ann.connect())
        self.assertTrue(ann.login(username="ann", password="secret"))
        self.assertTrue(ann.connect())
        self.assertEqual(ann.receive_json(), {"user": "ann"})

    def test_without_a_password(self):
        ann = self.create_client()
        ann.force_login(self.ann)
        self.assertTrue(ann.connect())
        self.assertEqual(ann.session["_auth_user_id"], str(self.ann.pk))
        ann.disconnect()
        ann.logout()
        self.assertFalse(ann.connect())

    async def test_in_an_async_test(self):
        ann = self.create_client()
        self.assertTrue(await ann.alogin(username="ann", password="secret"))
        self.assertTrue(await ann.aconnect())
        await ann.adisconnect()
        await ann.alogout()
        self.assertFalse(await ann.aconnect())
        await ann.aforce_login(self.ann)
        self.assertTrue(await ann.aconnect())

    def test_a_backend_can_be_chosen(self):
        ann = self.create_client()
        ann.force_login(self.ann, "django.contrib.auth.backends.ModelBackend")
        self.assertTrue(ann.connect())

    def test_two_clients_are_two_user_agents(self):
        ann, ben = self.create_client(), self.create_client()
        ann.force_login(self.ann)
        self.assertNotIn("sessionid", ben.cookies)
        self.assertFalse(ben.connect())

    def test_the_session_can_be_written(self):
        ann = self.create_client("/", application=asgi.application)
        session = ann.session
        session["theme"] = "dark"
        session.save()
        ann.connect("/ws/echo/")
        self.assertEqual(ann.scope["session"]["theme"], "dark")

    def test_cookies_go_along(self):
        ann = self.create_client("/ws/echo/")
        ann.cookies["theme"] = "dark"
        ann.connect()
        self.assertIn((b"cookie", b"theme=dark"), ann.scope["headers"])

    def test_queries_of_a_login_are_not_counted(self):
        ann = self.create_client()
        with self.assertNumQueries(0):
            ann.force_login(self.ann)
            _ = ann.session
            ann.logout()


class NoSessionTests(SimpleTestCase):
    def test_a_session_needs_the_app(self):
        class Inner(EchoTestCase):
            def test(self):
                self.create_client().force_login(mock.sentinel.user)

        with override_settings(INSTALLED_APPS=["channels"]):
            (error,) = run_case(Inner).raised
        self.assertEqual(
            str(error), "A session needs django.contrib.sessions in INSTALLED_APPS."
        )
