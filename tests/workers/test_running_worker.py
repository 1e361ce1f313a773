"""``run_worker()``: the worker consumers run while a block lasts."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import unittest
from typing import Any

from asgiref.sync import async_to_sync
from channels.consumer import AsyncConsumer, SyncConsumer
from channels.db import database_sync_to_async
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.layers import get_channel_layer
from channels.routing import ChannelNameRouter, ProtocolTypeRouter, URLRouter
from django.test import override_settings
from django.urls import path

from channels_testkit import (
    Channel,
    ChannelClient,
    ChannelTestCase,
    Group,
    SimpleChannelTestCase,
    SimpleWebsocketTestCase,
    WebsocketTestCase,
    apply_routes,
)
from tests.app.consumers import RoomConsumer
from tests.app.models import Note
from tests.utils import OuterTestCase, entered, notes_of, run_case

UNSERVED = """\
A message was sent to channel 'thumbnail', which no worker handles.
Channels that workers handle: 'thumbnails'.
Did you mean 'thumbnails'?

Message: {'type': 'make', 'number': 1}

If it is not for a worker consumer, take it off the channel before \
this, with self.get_next_message('thumbnail'); assertSent() leaves it there."""

UNSERVED_RESULT = """\
A message was sent to channel 'results', which no worker handles.
Channels that workers handle: 'mails', 'thumbnails'.

Message: {'type': 'made', 'number': 1}

If it is not for a worker consumer, take it off the channel before \
this, with self.get_next_message('results'); assertSent() leaves it there."""

NOT_ROUTED = """\
No worker consumer is routed for channel 'thumbnail'.
Channels that are routed: 'failing', 'forwarding', 'mails', 'slow', 'thumbnails'.
Did you mean 'thumbnails'?"""

NOTHING_ROUTED = (
    "No worker consumer is routed: the application has no ChannelNameRouter. Put one"
    " under 'channel' in its ProtocolTypeRouter, or use apply_routes()."
)

NO_TYPE = (
    "The message on channel 'thumbnails' has no 'type', so the worker consumer"
    " cannot find its handler: {'number': 1}."
)


class ThumbnailConsumer(AsyncConsumer):
    """Keeps notes of what it has made, and tells the room."""

    async def make(self, message: dict[str, Any]) -> None:
        text = f"thumbnail {message['number']}"
        await Note.objects.acreate(text=text)
        count = await database_sync_to_async(Note.objects.count)()
        content = {"made": text, "notes": count}
        event = {"type": "room.message", "content": content}
        await self.channel_layer.group_send("room-1", event)


class MailConsumer(SyncConsumer):
    """The same in sync code."""

    def deliver(self, message: dict[str, Any]) -> None:
        Note.objects.create(text=f"mail to {message['to']}")
        event = {"type": "room.message", "content": {"mailed": message["to"]}}
        async_to_sync(self.channel_layer.group_send)("room-1", event)


class FailingConsumer(AsyncConsumer):
    async def fail(self, message: dict[str, Any]) -> None:
        raise ValueError("asked for")

    async def fail_later(self, message: dict[str, Any]) -> None:
        await asyncio.sleep(0.01)
        raise ValueError("asked for")

    async def work(self, message: dict[str, Any]) -> None:
        await self.channel_layer.group_send("done", {"type": "done"})


class ForwardingConsumer(AsyncConsumer):
    async def forward(self, message: dict[str, Any]) -> None:
        made = {"type": "made", "number": message["number"]}
        await self.channel_layer.send(message["to"], made)


class SlowConsumer(AsyncConsumer):
    steps: list[str]

    async def work(self, message: dict[str, Any]) -> None:
        self.steps.append("begin")
        try:
            await asyncio.sleep(message["seconds"])
            self.steps.append("end")
        except asyncio.CancelledError:
            self.steps.append("cancelled")
            raise


class UploadConsumer(AsyncJsonWebsocketConsumer):
    """Leaves work to a worker, on the channel that it is told."""

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        message = {"type": "make", "number": 1}
        await self.channel_layer.send(content["to"], message)


ROUTES = {
    "failing": FailingConsumer.as_asgi(),
    "forwarding": ForwardingConsumer.as_asgi(),
    "mails": MailConsumer.as_asgi(),
    "slow": SlowConsumer.as_asgi(),
    "thumbnails": ThumbnailConsumer.as_asgi(),
}
APPLICATION = ProtocolTypeRouter(
    {
        "websocket": URLRouter(
            [
                path("room/<int:number>/", RoomConsumer.as_asgi()),
                path("upload/", UploadConsumer.as_asgi()),
            ]
        ),
        "channel": ChannelNameRouter(ROUTES),
    }
)
MAKE = {"type": "make", "number": 1}


class WorkersTestCase(WebsocketTestCase):
    application: Any = APPLICATION

    def texts(self) -> list[str]:
        return list(Note.objects.order_by("pk").values_list("text", flat=True))

    async def atexts(self) -> list[str]:
        return [note.text async for note in Note.objects.order_by("pk")]


class SyncTests(WorkersTestCase):
    def test_a_worker_uses_the_tests_transaction(self):
        Note.objects.create(text="first")
        with self.run_worker("thumbnails", "mails"):
            Channel("thumbnails").send(MAKE)
            self.assertEqual(self.texts(), ["first", "thumbnail 1"])
            Channel("mails").send({"type": "deliver", "to": "ann"})
        self.assertEqual(self.texts(), ["first", "thumbnail 1", "mail to ann"])

    def test_each_test_begins_without_rows(self):
        self.assertEqual(self.texts(), [])

    def test_what_a_worker_sends_to_a_group_is_heard(self):
        ann, ben = self.connect_many(2, "/room/1/")
        with self.run_worker("thumbnails", "mails"):
            Channel("thumbnails").send(MAKE)
            self.assertAllReceive([ann, ben], {"made": "thumbnail 1", "notes": 1})
            Channel("mails").send({"type": "deliver", "to": "ann"})
            self.assertAllReceive([ann, ben], {"mailed": "ann"})

    def test_a_consumer_can_give_work_to_it(self):
        uploader, ann = self.connect("/upload/"), self.connect("/room/1/")
        with self.run_worker("thumbnails"):
            uploader.send_json({"to": "thumbnails"})
            self.assertReceivesJson(ann, {"made": "thumbnail 1", "notes": 1})

    def test_without_names_every_routed_channel_is_served(self):
        with self.run_worker() as worker:
            Channel("thumbnails").send(MAKE)
            Channel("mails").send({"type": "deliver", "to": "ann"})
        self.assertEqual(len(self.texts()), 2)
        self.assertEqual(worker.channels, tuple(sorted(ROUTES)))

    def test_messages_from_before_the_block_are_served(self):
        Channel("thumbnails").send(MAKE)
        self.assertEqual(self.texts(), [])
        with self.run_worker("thumbnails"):
            self.assertEqual(self.texts(), ["thumbnail 1"])

    def test_nobody_works_after_the_block(self):
        with self.run_worker("thumbnails"):
            pass
        Channel("thumbnails").send(MAKE)
        self.assertEqual(self.texts(), [])
        with self.run_worker("thumbnails"):
            pass
        self.assertEqual(self.texts(), ["thumbnail 1"])

    def test_blocks_nest(self):
        with self.run_worker("thumbnails"):
            with self.run_worker("mails"):
                Channel("thumbnails").send(MAKE)
                Channel("mails").send({"type": "deliver", "to": "ann"})
            self.assertEqual(len(self.texts()), 2)
            Channel("thumbnails").send(MAKE)
        self.assertEqual(len(self.texts()), 3)

    def test_blocks_for_one_channel_serve_each_message_once(self):
        with self.run_worker("thumbnails"):
            with self.run_worker("thumbnails"):
                Channel("thumbnails").send(MAKE)
            Channel("thumbnails").send({"type": "make", "number": 2})
        self.assertEqual(self.texts(), ["thumbnail 1", "thumbnail 2"])

    def test_an_exception_comes_from_the_call_in_progress(self):
        with self.run_worker("failing"):
            with self.assertRaisesMessage(ValueError, "asked for"):
                Channel("failing").send({"type": "fail"})
            Group("done").add("test")
            Channel("failing").send({"type": "work"})
            self.assertEqual(self.get_next_message("test"), {"type": "done"})

    def test_an_exception_of_a_message_from_before_comes_at_the_start(self):
        Channel("failing").send({"type": "fail"})
        with self.assertRaisesMessage(ValueError, "asked for"):
            self.run_worker("failing").__enter__()
        Channel("failing").send({"type": "work"})
        self.assertEqual(self.channel_layer.pending_counts(), {"failing": 1})

    def test_a_handler_that_sleeps_is_waited_for(self):
        with (
            self.assertRaisesMessage(ValueError, "asked for"),
            self.run_worker("failing"),
        ):
            Channel("failing").send({"type": "fail.later"})

    def test_a_message_without_type_is_said(self):
        with self.run_worker("thumbnails"), self.assertRaises(ValueError) as caught:
            Channel("thumbnails").send({"number": 1})
        self.assertEqual(str(caught.exception), NO_TYPE)

    def test_a_message_to_a_channel_nobody_serves_is_said(self):
        with self.assertRaises(AssertionError) as caught:
            with self.run_worker("thumbnails"):
                Channel("thumbnail").send(MAKE)
        self.assertEqual(str(caught.exception), UNSERVED)

    def test_a_message_of_a_consumer_to_such_a_channel_is_said(self):
        uploader = self.connect("/upload/")
        with self.assertRaises(AssertionError) as caught:
            with self.run_worker("thumbnails"):
                uploader.send_json({"to": "thumbnail"})
        self.assertEqual(str(caught.exception), UNSERVED)

    def test_those_of_an_outer_block_are_served(self):
        message = {"type": "forward", "number": 1, "to": "results"}
        with self.assertRaises(AssertionError) as caught:
            with self.run_worker("thumbnails"), self.run_worker("mails"):
                Channel("results").send({"type": "made", "number": 1})
        self.assertEqual(str(caught.exception), UNSERVED_RESULT)
        self.assertIsNotNone(self.get_next_message("results"))
        with self.run_worker("forwarding"):
            Channel("forwarding").send(message)
            self.assertEqual(self.get_next_message("results")["number"], 1)

    def test_a_message_that_the_test_takes_is_served(self):
        with self.run_worker("forwarding"):
            message = {"type": "forward", "number": 1, "to": "results"}
            Channel("forwarding").send(message)
            self.get_next_message("results", require=True)

    def test_an_answer_to_a_client_is_its_own(self):
        client = ChannelClient()
        with self.run_worker("forwarding"):
            message = {"type": "forward", "number": 1, "to": client.reply_channel}
            client.send("forwarding", message)
        self.assertEqual(client.receive(), {"type": "made", "number": 1})

    def test_the_call_that_is_named_serves_it(self):
        layers = {"jobs": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
        for is_taken in (False, True):
            with override_settings(CHANNEL_LAYERS=layers), contextlib.ExitStack() as to:
                if not is_taken:
                    call = "with self.get_next_message('results', alias='jobs');"
                    to.enter_context(self.assertRaisesMessage(AssertionError, call))
                to.enter_context(self.run_worker("forwarding", alias="jobs"))
                Channel("results", alias="jobs").send({"type": "made"})
                if is_taken:
                    self.get_next_message("results", alias="jobs")

    def test_messages_from_before_to_others_do_not_matter(self):
        Channel("audit").send({"type": "seen"})
        with self.run_worker("thumbnails"):
            Channel("thumbnails").send(MAKE)

    def test_a_channel_that_is_not_routed_is_said(self):
        with self.assertRaises(AssertionError) as caught:
            self.run_worker("mails", "thumbnail")
        self.assertEqual(str(caught.exception), NOT_ROUTED)

    def test_an_application_without_workers_is_said(self):
        self.application = URLRouter([])
        for channels in ((), ("thumbnails",)):
            with self.assertRaises(AssertionError) as caught:
                self.run_worker(*channels)
            self.assertEqual(str(caught.exception), NOTHING_ROUTED)

    def test_a_block_that_raises_ends(self):
        with self.assertRaises(KeyError), self.run_worker("thumbnails"):
            Channel("thumbnail").send(MAKE)
            raise KeyError
        Channel("thumbnails").send(MAKE)
        self.assertEqual(self.texts(), [])

    def test_routes_of_a_block_count(self):
        with (
            apply_routes({"own": ROUTES["thumbnails"]}),
            self.run_worker("own"),
        ):
            Channel("own").send(MAKE)
        self.assertEqual(self.texts(), ["thumbnail 1"])

    def test_it_can_be_entered_as_a_context_of_the_test(self):
        entered(self, self.run_worker("thumbnails"))
        Channel("thumbnails").send(MAKE)
        self.assertEqual(self.texts(), ["thumbnail 1"])


class AsyncTests(WorkersTestCase):
    async def test_a_worker_uses_the_tests_transaction(self):
        await Note.objects.acreate(text="first")
        async with self.run_worker("thumbnails", "mails"):
            await Channel("thumbnails").asend(MAKE)
            self.assertEqual(await self.atexts(), ["first", "thumbnail 1"])
            await Channel("mails").asend({"type": "deliver", "to": "ann"})
        self.assertEqual(await self.atexts(), ["first", "thumbnail 1", "mail to ann"])

    async def test_what_a_worker_sends_to_a_group_is_heard(self):
        ann, ben = await self.aconnect_many(2, "/room/1/")
        async with self.run_worker("thumbnails", "mails"):
            await get_channel_layer().send("thumbnails", MAKE)
            self.assertAllReceive([ann, ben], {"made": "thumbnail 1", "notes": 1})
            await Channel("mails").asend({"type": "deliver", "to": "ann"})
            self.assertAllReceive([ann, ben], {"mailed": "ann"})

    async def test_a_consumer_can_give_work_to_it(self):
        uploader = await self.aconnect("/upload/")
        ann = await self.aconnect("/room/1/")
        async with self.run_worker("thumbnails"):
            await uploader.send_json_to({"to": "thumbnails"})
            self.assertReceivesJson(ann, {"made": "thumbnail 1", "notes": 1})

    async def test_without_names_every_routed_channel_is_served(self):
        async with self.run_worker() as worker:
            await Channel("thumbnails").asend(MAKE)
        self.assertEqual(len(await self.atexts()), 1)
        self.assertEqual(worker.channels, tuple(sorted(ROUTES)))

    async def test_messages_from_before_the_block_are_served(self):
        await Channel("thumbnails").asend(MAKE)
        self.assertEqual(await self.atexts(), [])
        async with self.run_worker("thumbnails"):
            self.assertEqual(await self.atexts(), ["thumbnail 1"])

    async def test_nobody_works_after_the_block(self):
        async with self.run_worker("thumbnails"):
            pass
        await Channel("thumbnails").asend(MAKE)
        self.assertEqual(await self.atexts(), [])

    async def test_blocks_nest(self):
        async with self.run_worker("thumbnails"):
            async with self.run_worker("mails"):
                await Channel("thumbnails").asend(MAKE)
                await Channel("mails").asend({"type": "deliver", "to": "ann"})
            await Channel("thumbnails").asend(MAKE)
        self.assertEqual(len(await self.atexts()), 3)

    async def test_an_exception_comes_when_the_test_is_resumed(self):
        async with self.run_worker("failing"):
            with self.assertRaisesMessage(ValueError, "asked for"):
                await Channel("failing").asend({"type": "fail"})
            await Group("done").aadd("test")
            await Channel("failing").asend({"type": "work"})
            self.assertEqual(self.get_next_message("test"), {"type": "done"})

    async def test_an_exception_of_a_message_from_before_comes_at_the_start(self):
        await Channel("failing").asend({"type": "fail"})
        with self.assertRaisesMessage(ValueError, "asked for"):
            await self.run_worker("failing").__aenter__()
        await Channel("failing").asend({"type": "work"})
        self.assertEqual(self.channel_layer.pending_counts(), {"failing": 1})

    async def test_a_handler_that_sleeps_is_waited_for(self):
        with self.assertRaisesMessage(ValueError, "asked for"):
            async with self.run_worker("failing"):
                await Channel("failing").asend({"type": "fail.later"})

    async def test_a_message_without_type_is_said(self):
        async with self.run_worker("thumbnails"):
            with self.assertRaises(ValueError) as caught:
                await Channel("thumbnails").asend({"number": 1})
        self.assertEqual(str(caught.exception), NO_TYPE)

    async def test_a_message_to_a_channel_nobody_serves_is_said(self):
        with self.assertRaises(AssertionError) as caught:
            async with self.run_worker("thumbnails"):
                await Channel("thumbnail").asend(MAKE)
        self.assertEqual(str(caught.exception), UNSERVED)

    async def test_a_message_of_a_consumer_to_such_a_channel_is_said(self):
        uploader = await self.aconnect("/upload/")
        with self.assertRaises(AssertionError) as caught:
            async with self.run_worker("thumbnails"):
                await uploader.send_json_to({"to": "thumbnail"})
        self.assertEqual(str(caught.exception), UNSERVED)

    async def test_an_answer_to_a_client_is_its_own(self):
        client = ChannelClient()
        async with self.run_worker("forwarding"):
            message = {"type": "forward", "number": 1, "to": client.reply_channel}
            await client.asend("forwarding", message)
        self.assertEqual(await client.areceive(), {"type": "made", "number": 1})

    async def test_a_channel_that_is_not_routed_is_said(self):
        with self.assertRaises(AssertionError) as caught:
            self.run_worker("mails", "thumbnail")
        self.assertEqual(str(caught.exception), NOT_ROUTED)

    async def test_a_block_that_raises_ends(self):
        with self.assertRaises(KeyError):
            async with self.run_worker("thumbnails"):
                await Channel("thumbnail").asend(MAKE)
                raise KeyError
        await Channel("thumbnails").asend(MAKE)
        self.assertEqual(await self.atexts(), [])

    async def test_it_can_be_entered_as_a_context_of_the_test(self):
        await self.enterAsyncContext(self.run_worker("thumbnails"))
        await Channel("thumbnails").asend(MAKE)
        self.assertEqual(await self.atexts(), ["thumbnail 1"])

    async def test_tasks_of_the_test_may_give_it_work(self):
        async def give(number: int) -> None:
            await Channel("thumbnails").asend({"type": "make", "number": number})

        async with self.run_worker("thumbnails"):
            await asyncio.gather(*map(give, range(3)))
        self.assertEqual(len(await self.atexts()), 3)

    async def test_a_sync_block_is_refused(self):
        with self.assertRaises(RuntimeError) as caught:
            self.run_worker("thumbnails").__enter__()
        self.assertEqual(
            str(caught.exception),
            "A sync block in an async test: write 'async with self.run_worker(...)'.",
        )


class CutTests(SimpleChannelTestCase):
    application = APPLICATION
    receive_timeout = 10.0

    def test_a_handler_that_sleeps_for_long_is_cut(self):
        SlowConsumer.steps = []
        with self.run_worker("slow"):
            Channel("slow").send({"type": "work", "seconds": 0.001})
            Channel("slow").send({"type": "work", "seconds": 60})
        self.assertEqual(SlowConsumer.steps, ["begin", "end", "begin", "cancelled"])

    async def test_a_handler_that_sleeps_for_long_is_cut_in_an_async_test(self):
        SlowConsumer.steps = []
        async with self.run_worker("slow"):
            await Channel("slow").asend({"type": "work", "seconds": 0.001})
            await Channel("slow").asend({"type": "work", "seconds": 60})
        self.assertEqual(SlowConsumer.steps, ["begin", "end", "begin", "cancelled"])


class SetUpTests(ChannelTestCase):
    application = APPLICATION

    def setUp(self):
        entered(self, self.run_worker("thumbnails"))

    def test_works_from_set_up(self):
        Channel("thumbnails").send(MAKE)
        self.assertEqual(Note.objects.count(), 1)

    async def test_works_from_set_up_in_an_async_test(self):
        await Channel("thumbnails").asend(MAKE)
        self.assertEqual(await Note.objects.acount(), 1)


class AliasTests(SimpleChannelTestCase):
    class OtherConsumer(AsyncConsumer):
        channel_layer_alias = "other"

        async def echo(self, message: dict[str, Any]) -> None:
            await self.channel_layer.group_send("heard", message)

    application = ChannelNameRouter({"echo": OtherConsumer.as_asgi()})

    def test_serves_the_layer_of_its_alias(self):
        Group("heard", alias="other").add("test")
        with self.run_worker("echo", alias="other"):
            Channel("echo").send({"type": "echo"})
            self.assertIsNone(self.get_next_message("test", alias="other"))
            Channel("echo", alias="other").send({"type": "echo"})
            self.assertEqual(
                self.get_next_message("test", alias="other"), {"type": "echo"}
            )

    async def test_serves_the_layer_of_its_alias_in_an_async_test(self):
        await Group("heard", alias="other").aadd("test")
        async with self.run_worker("echo", alias="other"):
            await Channel("echo").asend({"type": "echo"})
            self.assertIsNone(self.get_next_message("test", alias="other"))
            await Channel("echo", alias="other").asend({"type": "echo"})
            self.assertIsNotNone(self.get_next_message("test", alias="other"))


class OuterTests(OuterTestCase):
    def test_an_exception_that_nobody_caught_fails_the_test_once(self):
        class Inner(SimpleWebsocketTestCase):
            application = APPLICATION

            def test_sync(self):
                with self.run_worker("failing"):
                    Channel("failing").send({"type": "fail"})

            async def test_async(self):
                async with self.run_worker("failing"):
                    await Channel("failing").asend({"type": "fail"})

        self.assertEqual(run_case(Inner).texts, ["asked for"] * 2)

    def test_the_blocks_own_exception_is_the_one_that_is_told_first(self):
        class Inner(SimpleChannelTestCase):
            application = APPLICATION

            def test_sync(self):
                with self.run_worker("failing"):
                    send = async_to_sync(self.channel_layer.send)
                    send("failing", {"type": "fail"})
                    self.fail("the block's own")

        self.assertEqual(run_case(Inner).texts, ["the block's own", "asked for"])

    def test_a_block_that_is_left_open_ends_with_the_test(self):
        class Inner(SimpleChannelTestCase):
            application = APPLICATION
            check_leaks = "off"

            def test(self):
                self.run_worker("slow").__enter__()
                Channel("slow").send({"type": "work", "seconds": 60})

        SlowConsumer.steps = []
        self.assertEqual(run_case(Inner).texts, [])
        self.assertEqual(SlowConsumer.steps, ["begin", "cancelled"])


class Numbers(AsyncConsumer):
    """Does each job in its turn; one of them raises, one stops."""

    done: list[int]

    async def job(self, message: dict[str, Any]) -> None:
        await asyncio.sleep(0)
        if message.get("fails"):
            raise ValueError("asked for")
        if message.get("stops"):
            raise StopConsumer
        self.done.append(message["number"])


class GivingConsumer(AsyncJsonWebsocketConsumer):
    """Gives ten jobs to a worker, one right after the other or not."""

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        for number in range(10):
            await self.channel_layer.send("numbers", job(number))
            for _ in range(100 if content == "go slowly" else 0):
                await asyncio.sleep(0)


def job(number: int, bad: int = 5, kind: str = "fails") -> dict[str, Any]:
    return {"type": "job", "number": number, kind: number == bad}


class BacklogCase(SimpleWebsocketTestCase):
    """What becomes of the messages behind one that fails."""

    application: Any = ProtocolTypeRouter(
        {
            "websocket": GivingConsumer.as_asgi(),
            "channel": ChannelNameRouter({"numbers": Numbers.as_asgi()}),
        }
    )
    maxDiff = None

    def setUp(self) -> None:
        Numbers.done = []


LOST = (
    "4 messages on channel 'numbers' were lost when its worker consumer raised"
    " ValueError, as with manage.py runworker. The first is {'type': 'job', 'number':"
    " 6, 'fails': False}.\nIf your worker process keeps such messages, set"
    ' worker_backlog = "kept" on the test case.'
)


class BacklogTests(BacklogCase):
    def test_jobs_that_come_one_by_one_have_a_new_consumer(self):
        with self.run_worker("numbers"), self.assertApplicationRaises(ValueError):
            for number in range(10):
                Channel("numbers").send(job(number))
        self.assertEqual(Numbers.done, [0, 1, 2, 3, 4, 6, 7, 8, 9])

    def test_jobs_that_come_at_once_are_lost_with_the_consumer(self):
        giver = self.connect("/")
        with self.run_worker("numbers"):
            with self.assertApplicationRaises(ValueError):
                giver.send_json("go")
            self.assertEqual(Numbers.done, [0, 1, 2, 3, 4])
            Channel("numbers").send(job(10))
        self.assertEqual(Numbers.done, [0, 1, 2, 3, 4, 10])

    def test_those_from_before_the_block_are_lost_as_well(self):
        for number in range(10):
            Channel("numbers").send(job(number))
        with self.assertApplicationRaises(ValueError), self.run_worker("numbers"):
            self.assertEqual(Numbers.done, [0, 1, 2, 3, 4])

    def test_those_of_plain_senders_are_lost_as_well(self):
        with self.run_worker("numbers"), self.assertApplicationRaises(ValueError):
            for number in range(10):
                async_to_sync(get_channel_layer().send)("numbers", job(number))
        self.assertEqual(Numbers.done, [0, 1, 2, 3, 4])

    def test_a_project_can_say_that_its_workers_go_on(self):
        self.worker_backlog = "kept"
        giver = self.connect("/")
        with self.run_worker("numbers"):
            with self.assertApplicationRaises(ValueError):
                giver.send_json("go")
            self.assertEqual(Numbers.done, [0, 1, 2, 3, 4, 6, 7, 8, 9])

    def test_those_behind_a_consumer_that_stops_are_lost_as_well(self):
        send = async_to_sync(get_channel_layer().send)
        with self.run_worker("numbers"):
            for number in range(10):
                send("numbers", job(number, kind="stops"))
            self.settle()
            Channel("numbers").send(job(10))
        self.assertEqual(Numbers.done, [0, 1, 2, 3, 4, 10])


@unittest.skipIf(sys.version_info < (3, 11), "exceptions have no notes")
class BacklogNotesTests(BacklogCase):
    """What is said of the messages that are lost."""

    def test_the_exception_has_a_note(self):
        giver = self.connect("/")
        with self.run_worker("numbers"):
            with self.assertApplicationRaises(ValueError) as caught:
                giver.send_json("go")
        self.assertEqual(notes_of(caught.exception)[1:], [LOST])

    def test_so_it_has_where_some_come_when_the_consumer_has_ended(self):
        giver = self.connect("/")
        with self.run_worker("numbers"):
            with self.assertApplicationRaises(ValueError) as caught:
                giver.send_json("go slowly")
        self.assertEqual(Numbers.done, [0, 1, 2, 3, 4])
        self.assertEqual(notes_of(caught.exception)[1:], [LOST])

    def test_messages_that_are_kept_are_not_in_it(self):
        self.worker_backlog = "kept"
        giver = self.connect("/")
        with self.run_worker("numbers"):
            with self.assertApplicationRaises(ValueError) as caught:
                giver.send_json("go")
        self.assertEqual(len(notes_of(caught.exception)), 1)

    def test_the_last_one_takes_nothing_with_it(self):
        with self.run_worker("numbers"):
            with self.assertApplicationRaises(ValueError) as caught:
                Channel("numbers").send(job(5))
        self.assertEqual(len(notes_of(caught.exception)), 1)

    def test_a_failure_of_the_test_says_what_was_lost(self):
        class Inner(BacklogCase):
            def test(self) -> None:
                giver = self.connect("/")
                with self.run_worker("numbers"):
                    with self.assertApplicationRaises(ValueError):
                        giver.send_json("go")
                assert 6 in Numbers.done

        (error,) = run_case(Inner).raised
        self.assertIsInstance(error, AssertionError)
        self.assertEqual(notes_of(error), [LOST])

    def test_an_exception_that_fails_the_test_says_it_once(self):
        class Inner(BacklogCase):
            def test(self) -> None:
                giver = self.connect("/")
                with self.run_worker("numbers"):
                    giver.send_json("go")

        (error,) = run_case(Inner).raised
        self.assertIsInstance(error, ValueError)
        self.assertEqual(notes_of(error)[1:], [LOST])

    def test_what_is_lost_is_bounded(self):
        for number in range(10):
            Channel("numbers").send({**job(number), "text": "x" * 100_000})
        with self.assertApplicationRaises(ValueError) as caught:
            with self.run_worker("numbers"):
                pass
        self.assertLess(len("".join(notes_of(caught.exception))), 1000)


class AsyncBacklogTests(BacklogCase):
    async def test_jobs_that_come_one_by_one_have_a_new_consumer(self):
        async with self.run_worker("numbers"):
            with self.assertApplicationRaises(ValueError):
                for number in range(10):
                    await get_channel_layer().send("numbers", job(number))
        self.assertEqual(Numbers.done, [0, 1, 2, 3, 4, 6, 7, 8, 9])

    async def test_jobs_that_come_at_once_are_lost_with_the_consumer(self):
        giver = await self.aconnect("/")
        async with self.run_worker("numbers"):
            with self.assertApplicationRaises(ValueError):
                await giver.send_json_to("go")
            self.assertEqual(Numbers.done, [0, 1, 2, 3, 4])
            await Channel("numbers").asend(job(10))
        self.assertEqual(Numbers.done, [0, 1, 2, 3, 4, 10])

    async def test_so_are_those_that_the_test_gathers(self):
        layer = get_channel_layer()
        async with self.run_worker("numbers"):
            with self.assertApplicationRaises(ValueError):
                jobs = [layer.send("numbers", job(number)) for number in range(10)]
                await asyncio.gather(*jobs)
        self.assertEqual(Numbers.done, [0, 1, 2, 3, 4])

    async def test_a_project_can_say_that_its_workers_go_on(self):
        self.worker_backlog = "kept"
        giver = await self.aconnect("/")
        async with self.run_worker("numbers"):
            with self.assertApplicationRaises(ValueError):
                await giver.send_json_to("go")
        self.assertEqual(Numbers.done, [0, 1, 2, 3, 4, 6, 7, 8, 9])
