from __future__ import annotations

import asyncio
import contextlib
import io
import time
from typing import Any

from channels.routing import ProtocolTypeRouter

from channels_testkit import HangError, ProtocolError, SimpleWebsocketTestCase
from tests.lifespans import (
    SHUTDOWN_COMPLETE,
    STARTUP_COMPLETE,
    StateConsumer,
    cancels_all,
    fails_later,
    noting,
    routed,
    says_something_else,
)
from tests.utils import InnerResult, OuterTestCase, assertFailureText, run_case


def run(lifespan: Any, **attributes: Any) -> InnerResult:
    """Run one test with a lifespan."""

    class Tests(SimpleWebsocketTestCase):
        application = routed(lifespan)
        ws_path = "/"
        run_lifespan = True

        def test_it(self) -> None:
            self.connect()

    for name, value in attributes.items():
        setattr(Tests, name, value)
    return run_case(Tests)


class FailureTests(OuterTestCase):
    """What a lifespan does wrong fails the test, with a text."""

    def fails(self, name: str, lifespan: Any, **attributes: Any) -> BaseException:
        result = run(lifespan, **attributes)
        self.assertEqual(len(result.raised), 1, result.texts)
        assertFailureText(f"lifespan-{name}", result.raised[0])
        return result.raised[0]

    def test_no_lifespan(self) -> None:
        application = ProtocolTypeRouter({"websocket": StateConsumer.as_asgi()})
        error = self.fails("none", None, application=application)
        self.assertIsInstance(error.__cause__, ValueError)

    def test_no_lifespan_in_the_application_of_the_settings(self) -> None:
        (text,) = run(None, application=None).texts
        self.assertTrue(
            text.startswith("ASGI_APPLICATION ('tests.app.asgi.application') has no"),
            text,
        )

    def test_startup_failed(self) -> None:
        async def lifespan(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            await send({"type": "lifespan.startup.failed", "message": "no database"})

        self.fails("startup-failed", lifespan)

    def test_startup_failed_without_a_message(self) -> None:
        async def lifespan(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            await send({"type": "lifespan.startup.failed"})
            await receive()

        (text,) = run(lifespan).texts
        self.assertTrue(
            text.startswith("The lifespan failed at start-up, without a message.\n")
        )

    def test_shutdown_failed(self) -> None:
        async def lifespan(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            await send(STARTUP_COMPLETE)
            await receive()
            await send({"type": "lifespan.shutdown.failed", "message": "still busy"})

        self.fails("shutdown-failed", lifespan)

    def test_exception_at_startup(self) -> None:
        async def lifespan(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            raise ConnectionError("no Redis at redis:6379")

        self.fails("startup-raised", lifespan)

    def test_exception_at_startup_whatever_is_said_of_exceptions(self) -> None:
        async def lifespan(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            raise ConnectionError("no Redis")

        for policy in ("off", "warn"):
            with self.subTest(policy):
                result = run(lifespan, application_errors=policy)
                self.assertEqual(list(map(type, result.raised)), [ConnectionError])

    def test_exception_at_shutdown(self) -> None:
        async def lifespan(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            await send(STARTUP_COMPLETE)
            await receive()
            raise ConnectionError("Redis has gone")

        (error,) = run(lifespan).raised
        self.assertEqual(repr(error), "ConnectionError('Redis has gone')")

    def test_exception_while_the_test_runs(self) -> None:
        log: list[str] = []

        async def failing(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            go = scope["state"]["go"] = asyncio.Event()
            await send(STARTUP_COMPLETE)
            await go.wait()
            raise ValueError("later")

        class GoConsumer(StateConsumer):
            async def receive_json(self, content: Any, **kwargs: Any) -> None:
                self.scope["state"]["go"].set()

        def test_it(case: Any) -> None:
            ann = case.connect()
            ann.send_json("go")
            log.append("went on")

        application = routed(failing, GoConsumer.as_asgi())
        (error,) = run(None, application=application, test_it=test_it).raised
        self.assertEqual(repr(error), "ValueError('later')")
        self.assertEqual(log, [])

    def test_a_task_of_the_lifespan_fails_while_the_test_runs(self) -> None:
        self.fails("task-raised", fails_later)

    def test_startup_is_never_complete(self) -> None:
        async def lifespan(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            await receive()

        self.fails("startup-unsaid", lifespan)

    def test_startup_waits_for_what_never_comes(self) -> None:
        async def lifespan(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            await asyncio.Event().wait()

        (text,) = run(lifespan).texts
        self.assertRegex(
            text,
            r"\AThe lifespan has not said that start-up is complete: the application"
            r" is at rest, and .*lifespan\(\) \(test_lifespan_failures.py:\d+\) has not"
            r" returned\.",
        )

    def test_shutdown_is_never_complete(self) -> None:
        async def lifespan(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            await send(STARTUP_COMPLETE)
            await receive()
            await receive()

        result = run(lifespan)
        self.assertEqual(len(result.raised), 1, result.texts)
        assertFailureText("lifespan-shutdown-unsaid", result.raised[0])

    def test_a_shutdown_that_hangs(self) -> None:
        async def lifespan(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            await send(STARTUP_COMPLETE)
            await receive()
            time.sleep(2)  # noqa: ASYNC251 - what must not be

        with contextlib.redirect_stderr(io.StringIO()):
            (error,) = run(lifespan, hang_timeout=0.1).raised
        self.assertIsInstance(error, HangError)

    def test_a_cancelled_lifespan(self) -> None:
        async def lifespan(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            asyncio.current_task().cancel()  # type: ignore[union-attr]
            await asyncio.sleep(0)

        (text,) = run(lifespan).texts
        self.assertTrue(
            text.startswith(
                "The lifespan has not said that start-up is complete: its task was"
                " cancelled.\n"
            ),
            text,
        )

    def test_one_that_is_cancelled_while_the_test_runs(self) -> None:
        async def lifespan(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            await send(STARTUP_COMPLETE)
            asyncio.current_task().cancel()  # type: ignore[union-attr]
            await receive()

        self.fails("cancelled", lifespan)

    def test_shutdown_cancels_the_tasks_of_the_server(self) -> None:
        self.fails("cancels-all", cancels_all)

    def test_startup_cancels_the_tasks_of_the_server(self) -> None:
        async def lifespan(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
            await receive()

        (text,) = run(lifespan).texts
        self.assertTrue(
            text.startswith("The task that waits for the lifespan was cancelled."), text
        )

    def test_returns_before_startup(self) -> None:
        async def lifespan(scope: Any, receive: Any, send: Any) -> None:
            await receive()

        self.fails("returned-early", lifespan)

    def test_returns_before_shutdown(self) -> None:
        async def lifespan(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            await send(STARTUP_COMPLETE)

        self.fails("returned-before-shutdown", lifespan)

    def test_returns_at_shutdown_without_a_word(self) -> None:
        async def lifespan(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            await send(STARTUP_COMPLETE)
            await receive()

        (text,) = run(lifespan).texts
        self.assertTrue(
            text.startswith(
                "The lifespan returned without saying that shutdown is complete. Send"
                " {'type': 'lifespan.shutdown.complete'} when it is.\n"
            ),
            text,
        )

    def test_wrong_events(self) -> None:
        async def twice(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            await send(STARTUP_COMPLETE)
            await send(STARTUP_COMPLETE)

        async def unasked(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            await send(STARTUP_COMPLETE)
            await send(SHUTDOWN_COMPLETE)

        self.fails("unknown-event", says_something_else)
        for breach, lifespan in (
            ("lifespan-answered-twice", twice),
            ("lifespan-not-asked", unasked),
        ):
            with self.subTest(breach):
                (error,) = run(lifespan).raised
                assert isinstance(error, ProtocolError)
                self.assertEqual(error.breach, breach)

    def test_an_allowed_breach_passes(self) -> None:
        async def twice(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            await send(STARTUP_COMPLETE)
            await send(STARTUP_COMPLETE)
            await receive()
            await send(SHUTDOWN_COMPLETE)

        result = run(twice, check_protocol=["lifespan-answered-twice"])
        self.assertEqual(result.texts, [])

    def test_nothing_runs_where_the_start_fails(self) -> None:
        log: list[str] = []

        async def lifespan(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            raise ConnectionError("no Redis")

        class Tests(SimpleWebsocketTestCase):
            application = routed(lifespan)
            run_lifespan = True

            def setUp(self) -> None:
                log.append("setUp")

            def test_it(self) -> None:
                log.append("test")

        self.assertEqual(len(run_case(Tests).raised), 1)
        self.assertEqual(log, [])

    def test_an_application_that_goes_on_after_shutdown_is_left(self) -> None:
        async def lifespan(scope: Any, receive: Any, send: Any) -> None:
            await noting([])(scope, receive, send)
            await asyncio.Event().wait()

        result = run(lifespan, check_leaks="fail")
        self.assertEqual(
            result.texts,
            [
                "Still there after all clients had left:\n  the lifespan of the"
                " application, which did not end after lifespan.shutdown"
            ],
        )

    def test_a_task_that_shutdown_leaves_is_left(self) -> None:
        async def work() -> None:
            await asyncio.Event().wait()

        async def lifespan(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            task = asyncio.create_task(work(), name="broadcasts")
            await send(STARTUP_COMPLETE)
            await receive()
            await send(SHUTDOWN_COMPLETE)
            del task

        (text,) = run(lifespan, check_leaks="fail").texts
        self.assertRegex(
            text,
            r"\AStill there after all clients had left:\n"
            r"  task 'broadcasts' waits in .*work ",
        )

    def test_an_unknown_value_is_refused(self) -> None:
        (error,) = run(noting([]), run_lifespan="module").raised
        self.assertEqual(
            str(error),
            "Tests.run_lifespan is one of False, True, 'class', not 'module'.",
        )
        (error,) = run(noting([]), run_lifespan="loop").raised
        self.assertIn("is one of False, True, 'class', not 'loop'", str(error))
