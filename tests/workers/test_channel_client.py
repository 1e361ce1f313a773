"""``ChannelClient``: a message to a worker consumer, and what came of it."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from asgiref.sync import async_to_sync
from channels.consumer import AsyncConsumer, SyncConsumer
from channels.db import database_sync_to_async
from channels.routing import ChannelNameRouter, ProtocolTypeRouter
from django.core.exceptions import ImproperlyConfigured
from django.test import SimpleTestCase, override_settings

from channels_testkit import (
    ChannelClient,
    ChannelTestCase,
    Client,
    Group,
    Message,
    SimpleChannelTestCase,
    apply_routes,
)
from tests.app.models import Note
from tests.explored import not_explored
from tests.utils import OuterTestCase, run_case

NO_MESSAGE = """\
No message for channel 'square'.
Channels that hold messages: squares: 1.
Did you mean 'squares'?"""

NO_ROUTE = """\
No worker consumer is routed for channel 'squares'.
Channels that are routed: 'failing', 'notes', 'slow', 'square', 'stuck'.
Did you mean 'square'?

Message: {'reply_channel': 'answers', 'type': 'square', 'value': 3}"""

NO_TYPE = (
    "The message on channel 'square' has no 'type', so the worker consumer cannot"
    " find its handler: {'reply_channel': 'answers', 'value': 3}."
)

NO_CLIENT = (
    "The worker consumer of channel 'failing' called self.send(): it has no client."
    " Send to a channel or group of the layer instead, such as"
    " message['reply_channel']."
)

NOT_FINISHED = """\
The worker consumer of channel 'stuck' has not finished its handler: the application is\
 at rest.

Message: {'reply_channel': 'answers', 'type': 'wait'}"""


class SquareConsumer(SyncConsumer):
    """Answers with the square, and knows how many it has made."""

    made = 0

    def square(self, message: dict[str, Any]) -> None:
        self.made += 1
        answer = {"type": "answer", "value": message["value"] ** 2}
        async_to_sync(self.channel_layer.send)(message["reply_channel"], answer)


class SlowConsumer(AsyncConsumer):
    """Answers after a while."""

    async def echo(self, message: dict[str, Any]) -> None:
        await asyncio.sleep(0.01)
        self.has_slept = True
        answer = {"type": "answer", "value": message["value"]}
        await self.channel_layer.send(message["reply_channel"], answer)


class StuckConsumer(AsyncConsumer):
    async def wait(self, message: dict[str, Any]) -> None:
        await asyncio.get_running_loop().create_future()


class FailingConsumer(AsyncConsumer):
    async def fail(self, message: dict[str, Any]) -> None:
        raise ValueError("asked for")

    async def fail_later(self, message: dict[str, Any]) -> None:
        await asyncio.sleep(0.01)
        raise ValueError("asked for")

    async def answer(self, message: dict[str, Any]) -> None:
        await self.send({"type": "websocket.send", "text": "hello"})

    async def work(self, message: dict[str, Any]) -> None:
        self.has_worked = True


class NotesConsumer(AsyncConsumer):
    """Keeps notes, in each of the ways to do it."""

    async def keep(self, message: dict[str, Any]) -> None:
        await Note.objects.acreate(text=message["text"])
        await database_sync_to_async(Note.objects.create)(text=message["text"])


ROUTES = {
    "failing": FailingConsumer.as_asgi(),
    "notes": NotesConsumer.as_asgi(),
    "slow": SlowConsumer.as_asgi(),
    "square": SquareConsumer.as_asgi(),
    "stuck": StuckConsumer.as_asgi(),
}
APPLICATION = ProtocolTypeRouter({"channel": ChannelNameRouter(ROUTES)})
SQUARE = {"type": "square", "value": 3}


def through_middleware(inner: Any) -> Any:
    """Wrap an application, so that its scope tells who has called it."""

    class Middleware:
        def __init__(self) -> None:
            self.inner = inner

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await self.inner({**scope, "wrapped": True}, receive, send)

    return Middleware()


class WorkerTestCase(SimpleChannelTestCase):
    application: Any = APPLICATION


class SyncTests(WorkerTestCase):
    def test_each_client_has_a_reply_channel_of_its_own(self):
        names = {ChannelClient().reply_channel, ChannelClient().reply_channel}
        self.assertEqual(len(names), 2)
        self.assertTrue(all(isinstance(name, str) for name in names))

    def test_send_adds_the_reply_channel(self):
        client, content = ChannelClient(), {"type": "square"}
        client.send("square", content)
        self.assertEqual(content, {"type": "square"})
        message = self.get_next_message("square", require=True)
        self.assertEqual(message["reply_channel"], client.reply_channel)
        self.assertEqual(message.reply_channel.name, client.reply_channel)

    def test_send_keeps_a_reply_channel_that_is_given(self):
        ChannelClient().send("square", {"type": "square", "reply_channel": "answers"})
        message = self.get_next_message("square", require=True)
        self.assertEqual(message["reply_channel"], "answers")

    def test_send_needs_no_content(self):
        client = ChannelClient()
        client.send("square")
        self.assertEqual(
            self.get_next_message("square"), {"reply_channel": client.reply_channel}
        )

    def test_consume_runs_the_consumer_and_returns_it(self):
        client = ChannelClient()
        client.send("square", SQUARE)
        consumer = client.consume("square")
        self.assertIsInstance(consumer, SquareConsumer)
        self.assertEqual(consumer.made, 1)
        self.assertEqual(client.receive(), {"type": "answer", "value": 9})
        self.assertIsNone(client.receive())

    def test_consume_takes_one_message_the_oldest(self):
        client = ChannelClient()
        for value in (1, 2):
            client.send("square", {"type": "square", "value": value})
        client.consume("square")
        self.assertEqual(client.receive()["value"], 1)
        self.assertIsNone(client.receive())
        client.consume("square")
        self.assertEqual(client.receive()["value"], 4)

    def test_a_channel_has_one_consumer(self):
        client = ChannelClient()
        first = client.send_and_consume("square", SQUARE)
        again = ChannelClient().send_and_consume("square", SQUARE)
        self.assertIs(first, again)
        self.assertEqual(again.made, 2)
        self.assertEqual(again.scope["channel"], "square")

    def test_a_channel_has_a_new_consumer_after_a_crash(self):
        client = ChannelClient()
        before = client.send_and_consume("failing", {"type": "work"})
        with self.assertRaises(ValueError):
            client.send_and_consume("failing", {"type": "fail"})
        after = client.send_and_consume("failing", {"type": "work"})
        self.assertIsNot(before, after)
        self.assertTrue(after.has_worked)

    def test_consume_runs_the_handler_to_its_end(self):
        client = ChannelClient()
        consumer = client.send_and_consume("slow", {"type": "echo", "value": 1})
        self.assertTrue(consumer.has_slept)
        self.assertEqual(client.receive()["value"], 1)

    def test_consume_raises_what_the_consumer_raises(self):
        client = ChannelClient()
        for kind in ("fail", "fail.later"):
            with self.subTest(kind):
                client.send("failing", {"type": kind})
                with self.assertRaisesMessage(ValueError, "asked for"):
                    client.consume("failing")

    def test_unknown_handler_is_the_consumers_own_error(self):
        with self.assertRaisesMessage(ValueError, "No handler for message type cube"):
            ChannelClient().send_and_consume("square", {"type": "cube"})

    def test_nothing_to_consume_is_said(self):
        client = ChannelClient()
        client.send("squares", SQUARE)
        with self.assertRaises(AssertionError) as caught:
            client.consume("square")
        self.assertEqual(str(caught.exception), NO_MESSAGE)
        self.assertIsNone(client.consume("square", fail_on_none=False))

    def test_a_channel_without_a_route_is_said(self):
        client, content = ChannelClient(), {"reply_channel": "answers", **SQUARE}
        with self.assertRaises(AssertionError) as caught:
            client.send_and_consume("squares", content)
        self.assertEqual(str(caught.exception), NO_ROUTE)
        self.assertIsNone(
            client.send_and_consume("squares", SQUARE, fail_on_none=False)
        )

    def test_a_message_without_type_is_said(self):
        content = {"reply_channel": "answers", "value": 3}
        with self.assertRaises(AssertionError) as caught:
            ChannelClient().send_and_consume("square", content)
        self.assertEqual(str(caught.exception), NO_TYPE)

    def test_a_worker_that_sends_to_a_client_is_said(self):
        with self.assertRaises(RuntimeError) as caught:
            ChannelClient().send_and_consume("failing", {"type": "answer"})
        self.assertEqual(str(caught.exception), NO_CLIENT)

    def test_a_handler_that_never_ends_is_said(self):
        content = {"type": "wait", "reply_channel": "answers"}
        with self.assertRaises(AssertionError) as caught:
            ChannelClient().send_and_consume("stuck", content)
        self.assertEqual(str(caught.exception), NOT_FINISHED)

    def test_receive_gives_a_message(self):
        client = ChannelClient()
        client.send_and_consume("square", SQUARE)
        answer = client.receive()
        self.assertIsInstance(answer, Message)
        self.assertEqual(answer.channel.name, client.reply_channel)

    def test_receive_waits_for_a_timer_of_the_application(self):
        client = ChannelClient()
        with self.run_worker("slow"):
            client.send("slow", {"type": "echo", "value": 1})
            self.assertEqual(client.receive()["value"], 1)

    @not_explored
    def test_receive_waits_for_a_thread(self):
        client, may_send = ChannelClient(), threading.Event()
        message = {"type": "answer"}

        def answer() -> None:
            may_send.wait()
            async_to_sync(self.channel_layer.send)(client.reply_channel, message)

        thread = threading.Thread(target=answer)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(may_send.set)
        loop = self._kit.bridge.loop
        loop.call_soon_threadsafe(loop.call_later, 0.01, may_send.set)
        self.assertEqual(client.receive(), message)

    def test_joins_a_group(self):
        ann, ben = ChannelClient(), ChannelClient()
        ann.join_group("lobby")
        Group("lobby").add(ben)
        Group("lobby").send({"type": "hello"})
        self.assertEqual(ann.receive(), {"type": "hello"})
        self.assertEqual(ben.receive(), {"type": "hello"})
        self.assertIsNone(ann.receive())
        self.assertInGroup(ann, "lobby")

    def test_gets_messages_and_consumers_of_channels(self):
        client = ChannelClient()
        self.assertIs(client.get_consumer_by_channel("square"), ROUTES["square"])
        self.assertIsNone(client.get_consumer_by_channel("squares"))
        self.assertIsNone(client.get_next_message("square"))
        client.send("square", SQUARE)
        self.assertEqual(client.get_next_message("square")["value"], 3)
        with self.assertRaisesMessage(AssertionError, "Expected a message on channel"):
            client.get_next_message("square", require=True)


class ShortTests(WorkerTestCase):
    receive_timeout = 0.01

    def test_receive_gives_up_on_a_thread(self):
        may_end = threading.Event()
        thread = threading.Thread(target=may_end.wait)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(may_end.set)
        self.assertIsNone(ChannelClient().receive())

    async def test_receive_gives_up_on_a_thread_in_an_async_test(self):
        may_end = threading.Event()
        thread = threading.Thread(target=may_end.wait)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(may_end.set)
        self.assertIsNone(await ChannelClient().areceive())


class AsyncTests(WorkerTestCase):
    async def test_send_adds_the_reply_channel(self):
        client, content = ChannelClient(), {"type": "square"}
        await client.asend("square", content)
        self.assertEqual(content, {"type": "square"})
        message = self.get_next_message("square", require=True)
        self.assertEqual(message["reply_channel"], client.reply_channel)

    async def test_send_keeps_a_reply_channel_that_is_given(self):
        content = {"type": "square", "reply_channel": "answers"}
        await ChannelClient().asend("square", content)
        message = self.get_next_message("square", require=True)
        self.assertEqual(message["reply_channel"], "answers")

    async def test_consume_runs_the_consumer_and_returns_it(self):
        client = ChannelClient()
        await client.asend("square", SQUARE)
        consumer = await client.aconsume("square")
        self.assertIsInstance(consumer, SquareConsumer)
        self.assertEqual(consumer.made, 1)
        self.assertEqual(await client.areceive(), {"type": "answer", "value": 9})
        self.assertIsNone(await client.areceive())

    async def test_consume_takes_one_message_the_oldest(self):
        client = ChannelClient()
        for value in (1, 2):
            await client.asend("square", {"type": "square", "value": value})
        await client.aconsume("square")
        self.assertEqual((await client.areceive())["value"], 1)
        self.assertIsNone(await client.areceive())

    async def test_a_channel_has_one_consumer(self):
        client = ChannelClient()
        first = await client.asend_and_consume("square", SQUARE)
        again = await ChannelClient().asend_and_consume("square", SQUARE)
        self.assertIs(first, again)
        self.assertEqual(again.made, 2)

    async def test_a_channel_has_a_new_consumer_after_a_crash(self):
        client = ChannelClient()
        before = await client.asend_and_consume("failing", {"type": "work"})
        with self.assertRaises(ValueError):
            await client.asend_and_consume("failing", {"type": "fail"})
        after = await client.asend_and_consume("failing", {"type": "work"})
        self.assertIsNot(before, after)

    async def test_consume_runs_the_handler_to_its_end(self):
        client = ChannelClient()
        content = {"type": "echo", "value": 1}
        consumer = await client.asend_and_consume("slow", content)
        self.assertTrue(consumer.has_slept)
        self.assertEqual((await client.areceive())["value"], 1)

    async def test_consume_raises_what_the_consumer_raises(self):
        client = ChannelClient()
        for kind in ("fail", "fail.later"):
            with self.subTest(kind):
                await client.asend("failing", {"type": kind})
                with self.assertRaisesMessage(ValueError, "asked for"):
                    await client.aconsume("failing")

    async def test_unknown_handler_is_the_consumers_own_error(self):
        with self.assertRaisesMessage(ValueError, "No handler for message type cube"):
            await ChannelClient().asend_and_consume("square", {"type": "cube"})

    async def test_nothing_to_consume_is_said(self):
        client = ChannelClient()
        await client.asend("squares", SQUARE)
        with self.assertRaises(AssertionError) as caught:
            await client.aconsume("square")
        self.assertEqual(str(caught.exception), NO_MESSAGE)
        self.assertIsNone(await client.aconsume("square", fail_on_none=False))

    async def test_a_channel_without_a_route_is_said(self):
        client, content = ChannelClient(), {"reply_channel": "answers", **SQUARE}
        with self.assertRaises(AssertionError) as caught:
            await client.asend_and_consume("squares", content)
        self.assertEqual(str(caught.exception), NO_ROUTE)
        self.assertIsNone(
            await client.asend_and_consume("squares", SQUARE, fail_on_none=False)
        )

    async def test_a_message_without_type_is_said(self):
        content = {"reply_channel": "answers", "value": 3}
        with self.assertRaises(AssertionError) as caught:
            await ChannelClient().asend_and_consume("square", content)
        self.assertEqual(str(caught.exception), NO_TYPE)

    async def test_a_worker_that_sends_to_a_client_is_said(self):
        with self.assertRaises(RuntimeError) as caught:
            await ChannelClient().asend_and_consume("failing", {"type": "answer"})
        self.assertEqual(str(caught.exception), NO_CLIENT)

    async def test_a_handler_that_never_ends_is_said(self):
        content = {"type": "wait", "reply_channel": "answers"}
        with self.assertRaises(AssertionError) as caught:
            await ChannelClient().asend_and_consume("stuck", content)
        self.assertEqual(str(caught.exception), NOT_FINISHED)

    async def test_receive_waits_for_a_timer_of_the_application(self):
        client = ChannelClient()
        async with self.run_worker("slow"):
            await client.asend("slow", {"type": "echo", "value": 1})
            self.assertEqual((await client.areceive())["value"], 1)

    async def test_joins_a_group(self):
        ann, ben = ChannelClient(), ChannelClient()
        await ann.ajoin_group("lobby")
        await Group("lobby").aadd(ben)
        await Group("lobby").asend({"type": "hello"})
        self.assertEqual(await ann.areceive(), {"type": "hello"})
        self.assertEqual(await ben.areceive(), {"type": "hello"})
        self.assertIsNone(await ann.areceive())

    async def test_gets_messages_and_consumers_of_channels(self):
        client = ChannelClient()
        self.assertIs(client.get_consumer_by_channel("square"), ROUTES["square"])
        await client.asend("square", SQUARE)
        self.assertEqual(client.get_next_message("square")["value"], 3)

    async def test_tasks_of_the_test_each_have_their_own(self):
        async def square(value: int) -> int:
            client = ChannelClient()
            content = {"type": "square", "value": value}
            await client.asend_and_consume("square", content)
            return (await client.areceive())["value"]

        squares = await asyncio.gather(*map(square, range(5)))
        self.assertEqual(squares, [0, 1, 4, 9, 16])

    async def test_sync_calls_name_their_twins(self):
        client = ChannelClient()
        for call, twin in (
            (lambda: client.send("square"), "asend"),
            (lambda: client.consume("square"), "aconsume"),
            (lambda: client.send_and_consume("square"), "asend_and_consume"),
            (client.receive, "areceive"),
            (lambda: client.join_group("lobby"), "ajoin_group"),
        ):
            with self.subTest(twin), self.assertRaises(RuntimeError) as caught:
                call()
            self.assertEqual(
                str(caught.exception),
                f"A sync call in an async test: write 'await client.{twin}(...)'.",
            )


class SettingUpTests(WorkerTestCase):
    def setUp(self):
        self.consumer = ChannelClient().send_and_consume("square", SQUARE)

    def test_works_in_set_up(self):
        self.assertEqual(self.consumer.made, 1)

    async def test_works_in_the_set_up_of_an_async_test(self):
        again = await ChannelClient().asend_and_consume("square", SQUARE)
        self.assertIs(again, self.consumer)


class NextTests(WorkerTestCase):
    """Each test has consumers of its own."""

    def test_one(self):
        consumer = ChannelClient().send_and_consume("square", SQUARE)
        self.assertEqual(consumer.made, 1)

    test_another = test_one


class OneTransactionTests(ChannelTestCase):
    application = APPLICATION

    def test_the_worker_shares_it(self):
        ChannelClient().send_and_consume("notes", {"type": "keep", "text": "milk"})
        self.assertEqual([note.text for note in Note.objects.all()], ["milk"] * 2)

    async def test_the_worker_shares_it_in_an_async_test(self):
        content = {"type": "keep", "text": "milk"}
        await ChannelClient().asend_and_consume("notes", content)
        self.assertEqual([note.text async for note in Note.objects.all()], ["milk"] * 2)


class LayersTests(SimpleChannelTestCase):
    """An alias is an alias, wherever it is given."""

    application = APPLICATION

    def test_a_client_stays_on_its_layer(self):
        client = Client(alias="other")
        client.join_group("lobby")
        self.assertGroupMembers("lobby", [client], alias="other")
        self.assertGroupMembers("lobby", [])
        Group("lobby").send({"type": "elsewhere"})
        self.assertIsNone(client.receive())
        Group("lobby", alias="other").send({"type": "hello"})
        answer = client.receive()
        self.assertEqual(answer, {"type": "hello"})
        self.assertEqual(answer.channel.alias, "other")
        client.send("square", SQUARE)
        self.assertIsNone(self.get_next_message("square"))
        self.assertEqual(client.get_next_message("square")["value"], 3)
        client.send("square", SQUARE)
        self.assertEqual(self.get_next_message("square", alias="other")["value"], 3)
        self.assertSent("square", SQUARE, partial=True, count=2, alias="other")

    async def test_a_client_stays_on_its_layer_in_an_async_test(self):
        client = Client(alias="other")
        await client.ajoin_group("lobby")
        await Group("lobby").asend({"type": "elsewhere"})
        self.assertIsNone(await client.areceive())
        await Group("lobby", alias="other").asend({"type": "hello"})
        self.assertEqual(await client.areceive(), {"type": "hello"})
        await client.asend("square", SQUARE)
        self.assertIsNone(self.get_next_message("square"))
        self.assertEqual(self.get_next_message("square", alias="other")["value"], 3)

    def test_consumes_from_its_layer(self):
        class OtherConsumer(SquareConsumer):
            channel_layer_alias = "other"

        with apply_routes({"square": OtherConsumer.as_asgi()}):
            client = Client(alias="other")
            client.send_and_consume("square", SQUARE)
        self.assertEqual(client.receive()["value"], 9)

    def test_an_unknown_alias_is_said(self):
        with self.assertRaisesMessage(
            ImproperlyConfigured, "CHANNEL_LAYERS has no 'nope'"
        ):
            Client(alias="nope").send("square")


class NotCaptiveTests(OuterTestCase):
    def test_an_alias_that_is_not_captive_is_refused(self):
        class Inner(SimpleChannelTestCase):
            test_channel_aliases = ("default",)

            def test_send(self):
                Client(alias="other").send("square")

            async def test_areceive(self):
                await Client(alias="other").areceive()

            def test_join_group(self):
                Client(alias="other").join_group("lobby")

            def test_run_worker(self):
                self.application = APPLICATION
                self.run_worker("square", alias="other")

        result = run_case(Inner)
        self.assertEqual(
            [(type(error), str(error)) for error in result.raised],
            [
                (
                    ValueError,
                    "Channel layer 'other' is not captive in this test: add it to"
                    " test_channel_aliases.",
                )
            ]
            * 4,
        )


class ApplicationTests(SimpleChannelTestCase):
    application = APPLICATION

    def test_may_be_given(self):
        own = ChannelNameRouter({"own": SquareConsumer.as_asgi()})
        client = ChannelClient(application=own)
        client.send_and_consume("own", SQUARE)
        self.assertEqual(client.receive()["value"], 9)
        self.assertIsNone(client.get_consumer_by_channel("square"))

    def test_is_run_with_all_that_wraps_it(self):
        for application in (
            through_middleware(APPLICATION),
            ProtocolTypeRouter(
                {"channel": through_middleware(ChannelNameRouter(ROUTES))}
            ),
        ):
            client = ChannelClient(application=application)
            consumer = client.send_and_consume("square", SQUARE)
            self.assertTrue(consumer.scope["wrapped"])

    def test_without_worker_routes_has_no_route(self):
        client = ChannelClient(application=ProtocolTypeRouter({}))
        with self.assertRaisesMessage(
            AssertionError, "Channels that are routed: none."
        ):
            client.send_and_consume("square", SQUARE)

    def test_may_be_one_that_is_no_consumer(self):
        seen = []

        async def application(scope: Any, receive: Any, send: Any) -> None:
            seen.append(await receive())

        router = ChannelNameRouter({"own": application})
        client = ChannelClient(application=router)
        self.assertIsNone(client.send_and_consume("own", SQUARE))
        self.assertEqual([message["value"] for message in seen], [3])


class SettingsTests(SimpleChannelTestCase):
    def test_the_settings_application_is_the_default(self):
        with override_settings(ASGI_APPLICATION=f"{__name__}.APPLICATION"):
            consumer = ChannelClient().send_and_consume("square", SQUARE)
        self.assertIsInstance(consumer, SquareConsumer)

    def test_no_application_at_all_is_said(self):
        with (
            override_settings(ASGI_APPLICATION=None),
            self.assertRaisesMessage(
                ImproperlyConfigured, "ASGI_APPLICATION is not set"
            ),
        ):
            ChannelClient().send_and_consume("square", SQUARE)


class OnceTests(OuterTestCase):
    def test_an_exception_that_was_caught_is_not_told_again(self):
        class Inner(WorkerTestCase):
            def test_sync(self):
                with self.assertRaises(ValueError):
                    ChannelClient().send_and_consume("failing", {"type": "fail"})

            async def test_async(self):
                with self.assertRaises(ValueError):
                    await ChannelClient().asend_and_consume("failing", {"type": "fail"})

        result = run_case(Inner)
        self.assertEqual((result.testsRun, result.raised), (2, []))

    def test_an_exception_that_was_not_is_told_once(self):
        class Inner(WorkerTestCase):
            def test_sync(self):
                ChannelClient().send_and_consume("failing", {"type": "fail"})

            async def test_async(self):
                await ChannelClient().asend_and_consume("failing", {"type": "fail"})

        self.assertEqual(run_case(Inner).texts, ["asked for"] * 2)

    def test_a_call_that_is_not_awaited_fails(self):
        class Inner(WorkerTestCase):
            async def test(self):
                ChannelClient().areceive()

        (text,) = run_case(Inner).texts
        self.assertIn("Write 'await client.areceive(...)'", text)


class OutsideTests(SimpleTestCase):
    def test_needs_a_test_of_the_kit(self):
        with self.assertRaisesMessage(
            RuntimeError, "ChannelClient works while a ChannelTestCase"
        ):
            Client()

    def test_both_names_are_one_class(self):
        self.assertIs(Client, ChannelClient)
