"""Servers that do not keep to the protocol, and what is said of them."""

from __future__ import annotations

from typing import Any

from channels_testkit.contrib.graphql import GraphQLTestCase

QUERY = "subscription Odd { odd }"
RESULT = {"type": "next", "payload": {"data": {"odd": 1}}}


class OddServerTests(GraphQLTestCase):
    def odd(self, *answers: Any) -> Any:
        variables = {"answers": list(answers)}
        return self.subscribe(QUERY, variables, path="/odd/")

    def check(self, text: str, call: Any) -> None:
        with self.assertRaises(AssertionError) as caught:
            call()
        self.assertIn(text, str(caught.exception))

    def test_messages_of_no_operation_are_pointed_out(self):
        for stray in ({"id": 1}, {"id": None}, {"id": {"a": 1}}):
            self.check(
                "A message has come that belongs to no operation. Messages of this"
                ' operation have "id": "1", a string.',
                self.odd({**RESULT, **stray}).next,
            )

    def test_a_payload_that_is_no_result(self):
        for payload in ("odd", [1], None, {}, {"odd": 1}):
            self.check(
                f" sent a result that has neither data nor errors: {payload!r}.",
                self.odd({"type": "next", "payload": payload}).assert_next,
            )

    def test_errors_that_are_no_list(self):
        for errors in ("failed", {"message": "failed"}):
            answer = {"type": "next", "payload": {"data": None, "errors": errors}}
            self.odd(answer).assert_next(None, errors="failed")

    def test_a_close_before_a_stop_is_told(self):
        with self.odd({"type": "close"}) as sub:
            pass
        closed = "/odd/ closed the connection (code 4400, reason 'no such room') where"
        self.check(f"{closed} nothing was expected.", sub.assert_nothing)
        self.check(f"{closed} a result of 'Odd' was expected.", sub.next)

    def test_a_close_for_a_stop_is_told(self):
        sub = self.odd()
        sub.stop()
        self.check("(code 4400, reason 'no such type')", sub.assert_nothing)

    def test_a_close_after_the_end_is_of_the_connection(self):
        sub = self.odd(RESULT, {"type": "complete"}, {"type": "close"})
        sub.next()
        sub.assert_complete()
        sub.assert_nothing()
