"""What a connection finds around it: a running test, or just a loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from channels_testkit.engine.database import TransactionsKeptOpen
from channels_testkit.engine.errors import ApplicationErrors
from channels_testkit.engine.watches import watch_of

from .wire import JsonWire

if TYPE_CHECKING:
    from collections.abc import Collection
    from contextlib import AbstractContextManager

    from channels_testkit.engine.rest import RestWatch

_HANG_TIMEOUT = 30.0


class Surroundings:
    """What a communicator has around it outside of the kit's test cases."""

    check_protocol: str | Collection[str] = "fail"
    receive_timeout = 1.0
    wire: JsonWire = JsonWire()

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

    def around_application(self) -> AbstractContextManager[object]:
        """Return what is entered as long as an application runs."""
        return TransactionsKeptOpen()

    def allows_breach(self, name: str) -> bool:
        """Tell whether a breach of the protocol is let through."""
        if isinstance(self.check_protocol, str):
            return self.check_protocol == "off"
        return name in self.check_protocol
