"""Ctrl-C is obeyed at once, whatever the application is doing."""

from __future__ import annotations

import asyncio
import contextlib
import io
import itertools
import signal
import threading
import unittest
import warnings
from typing import TYPE_CHECKING, Any

from asgiref.current_thread_executor import CurrentThreadExecutor
from asgiref.sync import sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer

from channels_testkit import HangError, SimpleWebsocketTestCase
from tests.utils import run_case

if TYPE_CHECKING:
    from collections.abc import Callable

go_on = threading.Event()


def press_ctrl_c() -> None:
    """Do it from a thread, as soon as the main one has gone on."""
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(0.02, signal.pthread_kill, (main, signal.SIGINT))
    timer.daemon = True
    timer.start()


class Hanging(AsyncWebsocketConsumer):
    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        press_ctrl_c()
        await getattr(self, text_data)()

    async def goes_round(self) -> None:
        while not go_on.is_set():  # noqa: ASYNC110 - it is to spin
            await asyncio.sleep(0)

    async def busy(self) -> None:
        while not go_on.is_set():
            pass

    async def blocked(self) -> None:
        go_on.wait(60)

    async def job(self) -> None:
        await sync_to_async(go_on.wait)(60)

    async def job_of_a_pool(self) -> None:
        await asyncio.to_thread(go_on.wait, 60)


class SyncHanging(WebsocketConsumer):
    def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        press_ctrl_c()
        go_on.wait(60)


WAYS = ("goes_round", "busy", "blocked", "job", "job_of_a_pool")


class Cases:
    """Run by the tests below, and by no runner."""

    class Inner(SimpleWebsocketTestCase):
        application: Any = Hanging.as_asgi()
        way = ""

        def test_sync(self) -> None:
            client = self.connect("/")
            client.send_text(self.way)

        async def test_async(self) -> None:
            communicator = await self.aconnect("/")
            await communicator.send_to(self.way)

    class SyncInner(Inner):
        application = SyncHanging.as_asgi()


class CtrlCTests(unittest.TestCase):
    def setUp(self) -> None:
        go_on.clear()
        self.addCleanup(go_on.set)

    def each(self, check: Callable[[type[unittest.TestCase], str], None]) -> None:
        for case, ways in ((Cases.Inner, WAYS), (Cases.SyncInner, ("",))):
            for way, test in itertools.product(ways, ("test_sync", "test_async")):
                with self.subTest(case=case.__name__, way=way, test=test):
                    go_on.clear()
                    case.way = way
                    with warnings.catch_warnings():
                        warnings.simplefilter("error")
                        check(case, test)
                    # unittest leaves them to nobody.
                    case.doClassCleanups()
                    go_on.set()
                    # Else a loop was left behind, and has this thread.
                    module = CurrentThreadExecutor.submit.__module__
                    self.assertEqual(module, CurrentThreadExecutor.__module__)
                    self.assert_next_test_is_clean()

    def handle(self, handler: Any) -> None:
        before = signal.signal(signal.SIGINT, handler)
        self.addCleanup(signal.signal, signal.SIGINT, before)

    def test_where_it_raises(self) -> None:
        self.handle(signal.default_int_handler)

        def check(case: type[unittest.TestCase], test: str) -> None:
            with self.assertRaises(KeyboardInterrupt):
                run_case(case, test)

        self.each(check)

    def test_where_it_asks_for_the_end_after_this_test(self) -> None:
        """As the handler does that Django's runner installs."""
        asked: list[int] = []
        self.handle(lambda number, _: asked.append(number))

        def check(case: type[unittest.TestCase], test: str) -> None:
            with contextlib.redirect_stderr(io.StringIO()):
                (error,) = run_case(case, test).raised
            self.assertIsInstance(error, HangError)
            self.assertTrue(str(error).startswith("Interrupted by Ctrl-C: "), error)
            self.assertEqual(asked, [signal.SIGINT])
            asked.clear()

        self.each(check)

    def test_a_test_that_comes_to_rest_goes_on(self) -> None:
        self.handle(lambda *_: None)

        class Going(SimpleWebsocketTestCase):
            application = AsyncWebsocketConsumer.as_asgi()

            def test(self) -> None:
                client = self.connect("/")
                signal.raise_signal(signal.SIGINT)
                client.disconnect()

        self.assertEqual(run_case(Going).texts, [])

    def assert_next_test_is_clean(self) -> None:
        class Next(SimpleWebsocketTestCase):
            application = AsyncWebsocketConsumer.as_asgi()

            def test(self) -> None:
                self.assertReceivesNothing(self.connect("/"))

        self.assertEqual(run_case(Next).texts, [])
