"""
The core's own tests under schedules: ``python -m tests --runner explored``.

A failure there is a bug, or a schedule that production could not have. What
cannot be explored has the tag: its texts show no times, it has virtual time
for a part only, shares a loop with others, or a thread works outside of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.test import tag
from django.test.utils import iter_test_cases

from channels_testkit import ChannelTestMixin, LiveServerTestCase, explore_schedules
from channels_testkit.running.exploration import exploration_of

if TYPE_CHECKING:
    import unittest

not_explored = tag("not-explored")


def explore(suite: unittest.TestSuite, schedules: int) -> None:
    """Mark each class of the suite that can be explored."""
    for case in {type(test) for test in iter_test_cases(suite)}:
        if _can_be(case) and exploration_of(case) is None:
            explore_schedules(schedules)(case)


def _can_be(case: type) -> bool:
    return issubclass(case, ChannelTestMixin) and not issubclass(
        case, LiveServerTestCase
    )
