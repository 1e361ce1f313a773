"""What a connection runs in: a running test, or only a loop."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from channels_testkit.engine.errors import ApplicationErrors
from channels_testkit.engine.kept_open import keep_transactions_open
from channels_testkit.engine.watches import watch_of

from .wire import JsonWire

if TYPE_CHECKING:
    from collections.abc import Collection

    from channels_testkit.engine.rest import RestWatch
    from channels_testkit.engine.virtual_time import Timer

    from .breaches import Level

_HANG_TIMEOUT = 30.0
#: Stands for an option that was not given, where None means something.
UNSET: Any = object()


class SeenTime(Protocol):
    """What is shown of virtual time."""

    @property
    def now(self) -> float:
        """Seconds since it began."""

    @property
    def timers(self) -> list[Timer]:
        """The timers of the application, the next one first."""

    def call_that_advances(self, seconds: float) -> str:
        """Return the call that moves it on, as the test writes it."""


class Environment:
    """The environment of a communicator outside the kit's test cases."""

    #: How the code of a test calls what has the kit's methods.
    called: str = "self"
    check_protocol: Level | Collection[str] = "fail"
    receive_timeout: float = 1.0
    #: Whether sends return before the application is at rest.
    sends_overlap: bool = False
    #: What an exception of the application does, unless the test decides that.
    application_errors: Level | None = None
    wire: JsonWire = JsonWire()
    #: The schemas for frames of the application, and of clients, or None.
    frame_schema: Any = None
    sent_frame_schema: Any = None

    def __init__(self, errors: ApplicationErrors | None = None) -> None:
        self.errors = errors or ApplicationErrors()

    @property
    def rest(self) -> RestWatch:
        """The watch of the loop that runs this code."""
        rest = watch_of(asyncio.get_running_loop())
        if rest.hang_timeout is None:
            rest.hang_timeout = _HANG_TIMEOUT
        return rest

    @property
    def is_async(self) -> bool:
        """Whether the call is that of a coroutine: there is no other here."""
        return True

    @property
    def virtual_time(self) -> SeenTime | None:
        """The time that a test moves, or None where time is real."""
        return None

    def prepare(self) -> None:
        """Be ready for an application to run here."""
        keep_transactions_open(asyncio.get_running_loop())

    def allows_breach(self, name: str) -> bool:
        """Tell whether a breach of the protocol is let through."""
        if isinstance(self.check_protocol, str):
            return self.check_protocol == "off"
        return name in self.check_protocol


@dataclass(frozen=True, kw_only=True)
class Policies:
    """The policies of one connection; None means the test's own policy."""

    check_protocol: Level | Collection[str] | None = None
    receive_timeout: float | None = None
    application_errors: Level | None = None
    #: Here None says that there is none.
    frame_schema: Any = UNSET
    sent_frame_schema: Any = UNSET

    def around(self, environment: Environment) -> Environment:
        """Return the environment with these policies."""
        if self == Policies():
            return environment
        return _OwnEnvironment(environment, self)


class _OwnEnvironment(Environment):
    """The environment of one connection that has policies of its own."""

    def __init__(self, around: Environment, policies: Policies) -> None:
        super().__init__(around.errors)
        self._around = around
        self._policies = policies
        self.called = around.called
        self.application_errors = policies.application_errors

    @property
    def check_protocol(self) -> Level | Collection[str]:  # type: ignore[override]
        """What breaches of the protocol do."""
        own = self._policies.check_protocol
        return self._around.check_protocol if own is None else own

    @property
    def receive_timeout(self) -> float:  # type: ignore[override]
        """Seconds that a receive waits where waiting makes sense."""
        own = self._policies.receive_timeout
        return self._around.receive_timeout if own is None else own

    @property
    def frame_schema(self) -> Any:
        """The schema for frames of the application, or None."""
        own = self._policies.frame_schema
        return self._around.frame_schema if own is UNSET else own

    @property
    def sent_frame_schema(self) -> Any:
        """The schema for frames of clients, or None."""
        own = self._policies.sent_frame_schema
        return self._around.sent_frame_schema if own is UNSET else own

    @property
    def wire(self) -> JsonWire:  # type: ignore[override]
        """How payloads become frames."""
        return self._around.wire

    @property
    def rest(self) -> RestWatch:
        """The watch of the loop."""
        return self._around.rest

    @property
    def is_async(self) -> bool:
        """Whether the call is that of a coroutine."""
        return self._around.is_async

    @property
    def virtual_time(self) -> SeenTime | None:
        """The time that a test moves, or None where time is real."""
        return self._around.virtual_time

    @property
    def sends_overlap(self) -> bool:  # type: ignore[override]
        """Whether sends return before the application is at rest."""
        return self._around.sends_overlap

    def prepare(self) -> None:
        """Be ready for an application to run here."""
        self._around.prepare()
