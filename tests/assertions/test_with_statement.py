from __future__ import annotations

from typing import Any

from channels.consumer import AsyncConsumer
from django.test import SimpleTestCase

from channels_testkit import SimpleWebsocketTestCase, apply_routes
from channels_testkit.assertions.with_statement import is_entered
from tests.utils import run_case


class Entered:
    def __init__(self, *, answer: bool) -> None:
        self.answer = answer

    def __enter__(self) -> bool:
        return self.answer

    def __exit__(self, *exc_info: object) -> None:
        pass

    async def __aenter__(self) -> bool:
        return self.answer

    async def __aexit__(self, *exc_info: object) -> None:
        pass


def ask(*_args: object, **_options: object) -> Any:
    return Entered(answer=is_entered(depth=1))


class IsEnteredTests(SimpleTestCase):
    def test_a_call_that_a_with_statement_enters_is_seen(self) -> None:
        with ask() as answer:
            self.assertTrue(answer)

    def test_a_call_with_arguments_over_several_lines_is_seen(self) -> None:
        with ask(
            {"type": "chat.message"},
            count=1,
            partial=True,
        ) as answer:
            self.assertTrue(answer)

    def test_the_second_of_two_managers_is_seen(self) -> None:
        with Entered(answer=False), ask() as answer:
            self.assertTrue(answer)

    def test_a_statement_is_no_with(self) -> None:
        result = ask()
        self.assertFalse(result.answer)

    def test_a_call_whose_result_is_used_is_no_with(self) -> None:
        self.assertFalse(ask().answer)
        self.assertEqual([ask().answer, ask().answer], [False, False])

    def test_a_call_inside_a_with_block_is_no_with(self) -> None:
        with ask():
            result = ask()
        self.assertFalse(result.answer)

    def test_a_call_that_returns_to_a_with_statement_is_no_with(self) -> None:
        def indirect() -> Any:
            return ask()

        with indirect() as answer:
            self.assertFalse(answer)

    def test_the_argument_of_an_entered_call_is_no_with(self) -> None:
        def enter(inner: Entered) -> Entered:
            return inner

        with enter(ask()) as answer:
            self.assertFalse(answer)

    async def test_it_works_in_coroutines(self) -> None:
        with ask() as answer:
            self.assertTrue(answer)
        self.assertFalse(ask().answer)


class NeverEnteredTests(SimpleTestCase):
    """A call whose block was forgotten fails the test."""

    def assertForgotten(
        self,
        inner: type[SimpleWebsocketTestCase],
        name: str,
        keyword: str = "with",
    ) -> None:
        (error,) = run_case(inner).raised
        text = (
            f"{name}() was called and not entered, so it did nothing: write '{keyword}"
            f" self.{name}(...):'."
        )
        self.assertEqual((type(error), str(error)), (RuntimeError, text))

    def test_a_budget(self) -> None:
        class Inner(SimpleWebsocketTestCase):
            def test(self) -> None:
                self.assertMaxQueries(3)

        self.assertForgotten(Inner, "assertMaxQueries")

    def test_an_expected_exception(self) -> None:
        class Inner(SimpleWebsocketTestCase):
            def test(self) -> None:
                self.assertApplicationRaises(ValueError)

        self.assertForgotten(Inner, "assertApplicationRaises")

    def test_a_capture(self) -> None:
        for deliver in (True, False):

            class Inner(SimpleWebsocketTestCase):
                def test(self, deliver: bool = deliver) -> None:
                    self.captureSent(deliver=deliver)

            with self.subTest(deliver=deliver):
                self.assertForgotten(Inner, "captureSent")

    def test_held_tasks(self) -> None:
        class Inner(SimpleWebsocketTestCase):
            def test(self) -> None:
                self.held_tasks()

        self.assertForgotten(Inner, "held_tasks")

    def test_a_worker(self) -> None:
        class Inner(SimpleWebsocketTestCase):
            def test(self) -> None:
                with apply_routes({"mails": AsyncConsumer.as_asgi()}):
                    self.run_worker()

        self.assertForgotten(Inner, "run_worker")

    def test_a_worker_of_an_async_test(self) -> None:
        class Inner(SimpleWebsocketTestCase):
            async def test(self) -> None:
                with apply_routes({"mails": AsyncConsumer.as_asgi()}):
                    self.run_worker()

        self.assertForgotten(Inner, "run_worker", "async with")
