from __future__ import annotations

import asyncio
import contextvars
from typing import Any

from channels_testkit.asgi.application import RunningApplication
from channels_testkit.engine.jobs import APPLICATION
from tests.utils import LoopTestCase

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")


class ApplicationTests(LoopTestCase):
    """One ASGI application in a task: fed, heard, ended."""

    async def asyncSetUp(self) -> None:
        self.sent: list[Any] = []
        self.ends: list[BaseException | None] = []
        self.scope = {"type": "websocket"}

    def start(self, application: Any, **variables: Any) -> RunningApplication:
        return RunningApplication(
            application,
            self.scope,
            on_send=self.sent.append,
            on_end=self.ends.append,
            name="ann",
            variables=variables.get("variables", {}),
        )

    async def echo(self, scope: Any, receive: Any, send: Any) -> None:
        self.assertIs(scope, self.scope)
        while (event := await receive())["type"] != "end":
            await send(event)

    async def test_events_go_in_and_come_out_in_order(self) -> None:
        running = self.start(self.echo)
        events = [{"type": str(number)} for number in range(3)]
        for event in [*events, {"type": "end"}]:
            running.feed(event)
        self.assertFalse(running.has_ended)
        await running.task
        self.assertTrue(running.has_ended)
        self.assertEqual(self.sent, events)
        self.assertEqual(self.ends, [None])

    async def test_task_has_the_name(self) -> None:
        running = self.start(self.echo)
        self.assertEqual(running.task.get_name(), "ann")
        running.feed({"type": "end"})
        await running.task

    async def test_exception_is_told_as_it_is(self) -> None:
        error = ValueError("asked for")

        async def fail(scope: Any, receive: Any, send: Any) -> None:
            raise error

        running = self.start(fail)
        await asyncio.wait([running.task])
        self.assertEqual(self.ends, [error])

    async def test_cancelled_application_ends_without_an_exception(self) -> None:
        running = self.start(self.echo)
        await asyncio.sleep(0)
        running.task.cancel()
        await asyncio.wait([running.task])
        self.assertEqual(self.ends, [None])

    async def test_what_the_listener_raises_comes_out_of_send(self) -> None:
        caught: list[BaseException] = []

        async def send_badly(scope: Any, receive: Any, send: Any) -> None:
            try:
                await send({"type": "bad"})
            except ValueError as error:
                caught.append(error)

        def refuse(event: Any) -> None:
            raise ValueError(event["type"])

        running = RunningApplication(
            send_badly, {}, on_send=refuse, on_end=print, name="", variables={}
        )
        running._on_end = self.ends.append
        await running.task
        self.assertEqual([str(error) for error in caught], ["bad"])
        self.assertEqual(self.ends, [None])

    async def test_context_is_empty_but_for_what_is_given(self) -> None:
        seen: list[Any] = []
        given: contextvars.ContextVar[str] = contextvars.ContextVar("given")

        async def look(scope: Any, receive: Any, send: Any) -> None:
            seen.extend([variable.get("none"), given.get(), APPLICATION.get()])

        variable.set("of the test")
        running = self.start(look, variables={given: "given"})
        await running.task
        self.assertEqual(seen, ["none", "given", True])
        self.assertFalse(APPLICATION.get())
