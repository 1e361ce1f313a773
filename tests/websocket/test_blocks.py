"""``with`` and ``async with``: a client that leaves at the end of a block."""

from __future__ import annotations

import asyncio
from typing import Any

import anyio

from channels_testkit import SimpleWebsocketTestCase, WebsocketCommunicator, WSClient
from channels_testkit.engine.places import named_chain
from channels_testkit.websocket.subjects import driver_of
from tests.app import failing
from tests.app.consumers import EchoConsumer
from tests.utils import run_case


class Closing(EchoConsumer):
    async def connect(self):
        await self.accept()
        await self.close(4000)


class BlockTestCase(SimpleWebsocketTestCase):
    ws_path = "/"
    application: Any = EchoConsumer.as_asgi()

    def assert_left(self, client: Any) -> None:
        last = client.transcript.entries[-1].event
        self.assertEqual((last["type"], last["code"]), ("websocket.disconnect", 1000))
        self.assertFalse(driver_of(client).needs_closing)


class SyncBlockTests(BlockTestCase):
    def test_a_block_on_connect_leaves_at_its_end(self):
        with self.connect() as ann:
            self.assertIsInstance(ann, WSClient)
            ann.send_json([1])
            self.assertEqual(ann.receive_json(), [1])
        self.assert_left(ann)

    def test_a_client_that_is_connected_is_not_connected_again(self):
        ann = self.create_client()
        ann.connect()
        consumer = ann.consumer
        with ann:
            self.assertIs(ann.consumer, consumer)
        self.assert_left(ann)

    def test_after_a_block_the_next_one_connects_anew(self):
        with self.connect() as ann:
            first = ann.consumer
        with ann:
            self.assertIsNot(ann.consumer, first)
            ann.send_json([1])
        self.assert_left(ann)

    def test_after_leaving_it_connects_anew(self):
        for leave in (
            lambda ann: ann.disconnect(),
            lambda ann: ann.drop(),
            lambda ann: ann.stop(),
            lambda ann: self.disconnect_all(),
        ):
            with self.subTest(leave):
                ann = self.connect()
                leave(ann)
                with ann:
                    self.assertOpen(ann)

    def test_what_the_application_has_closed_stays_closed(self):
        with self.connect(application=Closing.as_asgi()) as ann:
            self.assertClosed(ann, code=4000)
        with ann:
            self.assertEqual(len(ann.transcript.entries), 3)
            self.assertClosed(ann, code=4000)

    def test_a_client_that_was_refused_tries_again(self):
        ann = self.create_client(application=failing.forbid)
        self.assertFalse(ann.connect())
        with self.assertRaisesMessage(AssertionError, "refused the handshake"):
            ann.__enter__()

    def test_a_client_is_in_one_block_at_a_time(self):
        with self.connect() as ann:
            with self.assertRaises(RuntimeError) as caught:
                ann.__enter__()
            self.assertEqual(
                str(caught.exception),
                "/ is in a 'with' block already: leave that block first, or create"
                " another client.",
            )
            self.assertOpen(ann)

    def test_it_leaves_where_the_block_raises(self):
        with self.assertRaisesMessage(ValueError, "oops"), self.connect() as ann:
            raise ValueError("oops")
        self.assert_left(ann)

    def test_a_refusal_fails_as_connect_does(self):
        def connect():
            with self.connect(application=failing.forbid):
                self.fail("The block was entered.")  # pragma: no cover

        with self.assertRaisesMessage(AssertionError, "self.assertRejected(client)"):
            connect()


class AsyncBlockTests(BlockTestCase):
    async def test_a_block_on_aconnect_leaves_at_its_end(self):
        async with self.aconnect() as ann:
            self.assertIsInstance(ann, WebsocketCommunicator)
            await ann.send_json([1])
            self.assertEqual(await ann.receive_json(), [1])
        self.assert_left(ann)

    async def test_what_aconnect_returns_is_entered_as_well(self):
        async with await self.aconnect() as ann:
            consumer = ann.consumer
            with self.assertRaisesMessage(RuntimeError, "in a 'with' block already"):
                await ann.__aenter__()
        self.assert_left(ann)
        async with ann:
            self.assertIsNot(ann.consumer, consumer)

    async def test_a_client_in_an_async_test(self):
        async with self.create_client() as ann:
            self.assertIsInstance(ann, WSClient)
            await ann.asend_json([1])
            self.assertEqual(await ann.areceive_json(), [1])
        self.assert_left(ann)
        await ann.aconnect()
        consumer = ann.consumer
        async with ann:
            self.assertIs(ann.consumer, consumer)

    async def test_a_sync_block_on_a_client_names_the_other(self):
        with self.assertRaises(RuntimeError) as caught:
            self.create_client().__enter__()
        self.assertEqual(
            str(caught.exception),
            "A sync block in an async test: write 'async with client'.",
        )

    async def test_it_leaves_where_the_block_raises(self):
        with self.assertRaisesMessage(ValueError, "oops"):
            async with self.aconnect() as ann:
                raise ValueError("oops")
        self.assert_left(ann)

    async def test_a_refusal_fails_as_aconnect_does(self):
        with self.assertRaisesMessage(AssertionError, "assertRejected(communicator)"):
            async with self.aconnect(application=failing.forbid):
                self.fail("The block was entered.")  # pragma: no cover
        stranger = self.create_client(application=failing.forbid)
        with self.assertRaisesMessage(AssertionError, "refused the handshake"):
            async with stranger:
                self.fail("The block was entered.")  # pragma: no cover

    async def test_it_is_a_coroutine_for_all_that_take_one(self):
        task = asyncio.create_task(self.aconnect())
        for way in (
            task,
            asyncio.ensure_future(self.aconnect()),
            asyncio.wait_for(self.aconnect(), 5),
            asyncio.shield(self.aconnect()),
        ):
            self.assertOpen(await way)
        for ann in await asyncio.gather(self.aconnect(), self.aconnect()):
            self.assertOpen(ann)
        async with anyio.create_task_group() as group:
            group.start_soon(self.aconnect)

    async def test_a_task_that_connects_can_be_cancelled(self):
        async def never(scope, receive, send):
            await asyncio.Event().wait()

        task = asyncio.create_task(self.aconnect(application=never))
        self.assertIn("aconnect", repr(task))
        task.cancel()
        await asyncio.wait([task])
        self.assertTrue(task.cancelled())

    async def test_what_it_waits_for_can_be_seen(self):
        self.check_leaks = "off"

        async def never(scope, receive, send):
            await asyncio.Event().wait()

        async def outer():
            await self.aconnect(application=never)

        for made in (self.aconnect(application=never), outer()):
            task = asyncio.create_task(made)
            await self.asettle()
            names = [name for name, _ in named_chain(task.get_coro())]
            self.assertIn("Connecting.aconnect", names)
            self.assertIn("WebsocketCommunicator.connect", names)
            task.cancel()
            await asyncio.wait([task])

    async def test_it_can_be_closed_before_it_began(self):
        opening = self.aconnect()
        opening.close()
        self.assertFalse(hasattr(opening, "ag_frame"))
        with self.assertRaisesMessage(RuntimeError, "cannot reuse"):
            await opening

    async def test_what_the_application_has_ended_needs_no_disconnect(self):
        async with self.aconnect(application=Closing.as_asgi()) as ann:
            await ann.wait()
            self.assertClosed(ann, code=4000)
        async with self.create_client(application=Closing.as_asgi()) as ben:
            await ben.await_application()
        self.assertClosed(ben, code=4000)

    async def test_it_can_be_awaited_once(self):
        opening = self.aconnect()
        await opening
        with self.assertRaisesMessage(RuntimeError, "cannot reuse"):
            await opening

    async def test_a_cleanup_may_be_one(self):
        self.addCleanup(self.aconnect)


class ForgottenTests(SimpleWebsocketTestCase):
    def test_a_call_that_nobody_awaits_fails_at_its_line(self):
        class Inner(BlockTestCase):
            async def test(self):
                self.aconnect()

        (text,) = run_case(Inner).texts
        line = Inner.test.__code__.co_firstlineno + 1
        self.assertEqual(
            text,
            f"aconnect() was called at test_blocks.py:{line} but never awaited, so it"
            " did nothing. Write 'await self.aconnect(...)' in an async test, and"
            " 'self.connect(...)' in a sync one.",
        )
