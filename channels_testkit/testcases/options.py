"""The options of a test case, and of its class, with what unittest knows."""

from __future__ import annotations

import inspect
import unittest
from typing import TYPE_CHECKING, Any

from django.test import TestCase, TransactionTestCase

from channels_testkit.assertions.methods import OptionsOfTest

if TYPE_CHECKING:
    from channels_testkit.engine.schedules import Schedule

__unittest = True


class OptionsByClass(OptionsOfTest):
    """What the class of a test case says: of a test, or of all of them."""

    @property
    def kind(self) -> type:
        """The class."""
        raise NotImplementedError

    @property
    def module(self) -> str:
        """The module that the class is in."""
        return self.kind.__module__

    @property
    def databases(self) -> Any:
        """The databases that its tests may use."""
        return getattr(self.test, "databases", ())

    @property
    def commits(self) -> bool:
        """Whether its tests commit."""
        kind = self.kind
        return issubclass(kind, TransactionTestCase) and not issubclass(kind, TestCase)


class OptionsOfCase(OptionsByClass):
    """The options of a test case, with the facts that unittest knows."""

    skips = (unittest.SkipTest,)

    @property
    def name(self) -> str:
        """How warnings call the test."""
        name: str = self.test.id()
        return name

    @property
    def kind(self) -> type:
        """The class of the test."""
        return type(self.test)

    @property
    def schedule(self) -> Schedule | None:
        """What chooses among events, where the run is explored."""
        schedule: Schedule | None = self.test._kit_schedule  # noqa: SLF001 - not for users
        return schedule

    @property
    def sends_overlap(self) -> bool:
        """Whether sends return before the application is at rest."""
        overlap: bool = self.test._kit_sends_overlap  # noqa: SLF001 - as above
        return overlap

    def get_place(self) -> tuple[str, int]:
        """Return the file and the line of the test, or of its class."""
        case = self.test
        # Of the class: Django wraps an async method of the instance.
        method = getattr(type(case), case._testMethodName)  # noqa: SLF001 - no other way
        code = getattr(inspect.unwrap(method), "__code__", None)
        if code is None:
            return inspect.getfile(type(case)), 1
        return code.co_filename, code.co_firstlineno

    def get_clients(self) -> list[Any]:
        """Return Django's test clients of the test."""
        names = ("client", "async_client")
        clients = (getattr(self.test, name, None) for name in names)
        return [client for client in clients if client is not None]
