"""The lifespan that the tests of a class share, and their loop."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING

from django.core.exceptions import ImproperlyConfigured

from channels_testkit.assertions.methods import ChannelMethods, unbound
from channels_testkit.engine.kept_loop import KeptLoop
from channels_testkit.running.shared_lifespan import SharedLifespan

from .options import OptionsByClass

if TYPE_CHECKING:
    from channels_testkit.asgi.application import ASGIApplication
    from channels_testkit.running.run import TestRun

__unittest = True

#: What ``run_lifespan`` can be on a test case.
CHOICES = (False, True, "class")
_EXPLORED = (
    "{name} shares its lifespan, and an explored test starts anew for each schedule:"
    " set run_lifespan = True, for each test."
)
_OF_A_TEST = (
    "{name}.{what} needs a test, and the lifespan of a class starts before its tests:"
    " set application = ... on the class, or set run_lifespan = True."
)
_NAMES = ("application", "router")


def application_of_class(case: type) -> ASGIApplication | None:
    """Return the application of a class, outside of its tests."""
    found = (unbound(case, name) for name in _NAMES)
    return next((it for it in found if it is not None and not _needs_test(it)), None)


def check_application_of_class(case: type) -> None:
    """Raise ``ImproperlyConfigured`` where only a test has the application."""
    needing = [name for name in _NAMES if _needs_test(unbound(case, name))]
    if unbound(case, "get_application") is not ChannelMethods.get_application:
        needing.append("get_application")
    for what in needing:
        raise ImproperlyConfigured(_OF_A_TEST.format(name=case.__name__, what=what))


def _needs_test(found: object) -> bool:
    return isinstance(found, (property, functools.cached_property))


class _OptionsOfClass(OptionsByClass):
    """The options of a class, where none of its tests runs."""

    called = "cls"
    layer_source = "captive"

    @property
    def owner(self) -> str:
        """The class."""
        return self.name

    @property
    def name(self) -> str:
        """How warnings call it."""
        name: str = self.test.__qualname__
        return name

    @property
    def kind(self) -> type:
        """The class."""
        kind: type = self.test
        return kind

    def get_place(self) -> tuple[str, int]:
        """Return the file of the class."""
        return inspect.getfile(self.test), 1

    def get_application(self) -> ASGIApplication | None:
        """Return the application of the class."""
        return application_of_class(self.test)


class ClassLifespan:
    """One lifespan for all tests of a class, from now to ``end()``."""

    def __init__(self, case: type) -> None:
        self._case = case
        self._loop = KeptLoop()
        try:
            self._shared = SharedLifespan(_OptionsOfClass(case), self._put_on_loop)
        except BaseException:
            self._loop.close()
            raise

    def _put_on_loop(self, run: TestRun) -> None:
        run.run_by(self._loop.new_bridge)

    def join(self, run: TestRun, *, is_explored: bool) -> None:
        """Have a test run on the loop, with the lifespan."""
        if is_explored:
            raise ImproperlyConfigured(_EXPLORED.format(name=self._case.__name__))
        self._put_on_loop(run)
        self._shared.join(run)

    def end(self) -> None:
        """Shut the application down; raise what it fails with."""
        try:
            self._shared.end()
        finally:
            self._loop.close()
