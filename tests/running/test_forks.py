"""A child of the test's process has copies of what the test has in use."""

from __future__ import annotations

import asyncio
import os
import unittest
import warnings
from typing import TYPE_CHECKING

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

from channels_testkit import Channel, WebsocketTestCase
from tests.utils import OuterTestCase, run_case

if TYPE_CHECKING:
    from collections.abc import Callable

REFUSED = (
    "RuntimeError: This call runs in a child of the test's process, made by os.fork()"
    " or by the 'fork' of multiprocessing. It has copies of the test's clients, layers"
    " and loop, and the test gets nothing that these send: make the call in its own"
    " process (processes of the application can send through a real layer, see"
    " RedisLayerTestCase)."
)


def told(call: Callable[[], object]) -> str:
    try:
        return f"it has returned {call()!r}"
    except BaseException as error:  # noqa: BLE001 - the parent judges it
        return f"{type(error).__name__}: {error}"


def in_child(call: Callable[[], object]) -> str:
    """Return what a call gives, or raises, in a child made by os.fork()."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        # Python 3.12 and later warn of the kit's own thread.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        os.write(writing, told(call).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    os.waitpid(pid, 0)
    return text


def begin_to_wait(awaitable):
    awaitable.__await__().send(None)


@unittest.skipUnless(hasattr(os, "fork"), "needs os.fork()")
class ForkTests(OuterTestCase):
    def test_a_kit_call_in_a_child_says_so(self):
        class Inner(WebsocketTestCase):
            ws_path = "/ws/echo/"

            def test_sync(self):
                client, texts = self.connect(), self.texts
                texts["send"] = in_child(lambda: client.send_json({}))
                texts["receive"] = in_child(client.receive_json)
                texts["disconnect"] = in_child(client.disconnect)
                texts["transcript"] = in_child(lambda: client.transcript)
                texts["connect"] = in_child(self.connect)
                texts["settle"] = in_child(self.settle)
                texts["message"] = in_child(lambda: Channel("jobs").send({"a": 1}))
                texts["layer"] = in_child(self.broadcast)
                self.assertReceivesNothing(client)

            def test_before_the_first_call(self):
                self.texts["first"] = in_child(self.connect)

            async def test_async(self):
                client = await self.aconnect()
                self.texts["await"] = in_child(
                    lambda: begin_to_wait(client.receive_json())
                )
                self.texts["acked"] = in_child(lambda: begin_to_wait(self.asettle()))
                for name, call in self.ways(client).items():
                    self.texts[name] = in_child(lambda call=call: begin_to_wait(call()))
                await client.send_json_to({"still": "here"})
                self.assertReceivesJson(client, {"still": "here"})

            def ways(self, client):
                """Return what fails in a child anyway, which has no loop."""
                return {
                    "wait_for": lambda: asyncio.wait_for(client.receive_json(), 1),
                    "wait_for connect": lambda: asyncio.wait_for(self.aconnect(), 1),
                    "gather": lambda: asyncio.gather(self.asettle()),
                    "task": lambda: asyncio.ensure_future(client.receive_json()),
                    "run": lambda: asyncio.run(client.receive_json()),
                }

            def broadcast(self):
                async_to_sync(get_channel_layer().group_send)("all", {"type": "x"})

        Inner.texts = {}
        self.assertEqual(run_case(Inner).raised, [])
        for name, text in Inner.texts.items():
            with self.subTest(name):
                self.assertEqual(text, REFUSED)
        self.assertEqual(len(Inner.texts), 16)

    def test_a_child_runs_tests_of_its_own(self):
        """``--parallel`` forks its workers, some from within a test."""

        class Child(WebsocketTestCase):
            ws_path = "/ws/echo/"

            def test_echo(self):
                client = self.connect()
                client.send_json({"a": 1})
                self.assertReceivesJson(client, {"a": 1})

        class Inner(WebsocketTestCase):
            def test_it(self):
                self.settle()
                self.text = in_child(lambda: run_case(Child).raised)
                if self.text != "it has returned []":
                    self.fail(self.text)

        self.assertEqual(run_case(Inner).raised, [])
