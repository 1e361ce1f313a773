from __future__ import annotations

import unittest
from typing import TYPE_CHECKING

from channels_testkit import ChannelsTestkitWarning
from channels_testkit.engine.errors import ApplicationErrors, ExpectedErrors

if TYPE_CHECKING:
    from collections.abc import Callable


class DeliveryTests(unittest.TestCase):
    """Each exception is told once."""

    def setUp(self) -> None:
        self.errors = ApplicationErrors()
        self.first, self.second = ValueError("first"), KeyError("second")

    def record(self) -> None:
        for error in (self.first, self.second, self.first):
            self.errors.record(error)

    def test_delivered_in_order_and_once(self) -> None:
        self.record()
        for expected in (self.first, self.second):
            with self.assertRaises(type(expected)) as caught:
                self.errors.deliver()
            self.assertIs(caught.exception, expected)
        self.errors.deliver()
        self.record()
        self.errors.deliver()

    def test_pending_takes_all_that_is_left(self) -> None:
        self.record()
        self.assertEqual(self.errors.take_pending(), [self.first, self.second])
        self.assertEqual(self.errors.take_pending(), [])

    def test_one_that_is_raised_anyway_is_delivered_by_that(self) -> None:
        self.record()
        self.errors.deliver(self.first)
        self.assertEqual(self.errors.take_pending(), [self.second])

    def test_other_that_is_raised_leaves_them_for_the_next_time(self) -> None:
        self.record()
        self.errors.deliver(OSError())
        self.assertEqual(self.errors.take_pending(), [self.first, self.second])

    def test_take_tells_whether_it_was_pending(self) -> None:
        self.record()
        self.assertTrue(self.errors.take(self.first))
        self.assertFalse(self.errors.take(self.first))
        self.assertFalse(self.errors.take(ValueError("first")))

    def test_failures_nobody_awaited_are_looked_for(self) -> None:
        found = [self.first]
        self.errors.look = lambda: [found.pop()] if found else []
        with self.assertRaises(ValueError):
            self.errors.deliver()
        self.errors.deliver()


class PolicyTests(unittest.TestCase):
    def texts_of(
        self, policy: str, warned: Callable[[], list[BaseException]] = list
    ) -> list[str]:
        texts: list[str] = []

        def warn(text: str) -> list[BaseException]:
            texts.append(text)
            return warned()

        errors = ApplicationErrors(policy)
        errors.warn = warn
        errors.record(ValueError("asked for"))
        errors.deliver()
        return texts

    def test_warn_warns_and_off_is_silent(self) -> None:
        text = "The application raised ValueError: asked for"
        self.assertEqual(self.texts_of("warn"), [text])
        self.assertEqual(self.texts_of("off"), [])

    def test_warning_that_is_an_error_is_delivered(self) -> None:
        with self.assertRaises(ChannelsTestkitWarning):
            self.texts_of("warn", lambda: [ChannelsTestkitWarning()])


class ExpectedTests(unittest.TestCase):
    def setUp(self) -> None:
        self.errors = ApplicationErrors()
        self.expected = ExpectedErrors((ValueError, OSError))

    def test_expected_one_is_kept_and_not_delivered(self) -> None:
        error = ValueError()
        self.errors.expect(self.expected)
        self.errors.record(error)
        self.errors.expect_no_more(self.expected)
        self.assertEqual(self.errors.take_pending(), [])
        self.assertIs(self.expected.exception, error)

    def test_other_one_is_delivered(self) -> None:
        self.errors.expect(self.expected)
        self.errors.record(KeyError())
        self.errors.expect_no_more(self.expected)
        self.assertEqual(len(self.errors.take_pending()), 1)
        self.assertEqual(self.expected.exceptions, [])

    def test_one_from_before_the_block_is_not_its_own(self) -> None:
        found: list[BaseException] = [ValueError("before")]
        self.errors.look = lambda: [found.pop()] if found else []
        self.errors.expect(self.expected)
        self.errors.expect_no_more(self.expected)
        self.assertEqual(self.expected.exceptions, [])
        self.assertEqual(len(self.errors.take_pending()), 1)

    def test_innermost_block_takes_it(self) -> None:
        inner = ExpectedErrors(ValueError)
        self.errors.expect(self.expected)
        self.errors.expect(inner)
        self.errors.record(ValueError())
        self.errors.record(OSError())
        self.assertEqual(len(inner.exceptions), 1)
        self.assertEqual(len(self.expected.exceptions), 1)
