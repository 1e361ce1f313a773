"""Channels' look at old database connections, around every message."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from channels import consumer, db
from channels.generic import http, websocket

from channels_testkit.engine.patches import Patch

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def hops_spared() -> Iterator[None]:
    """Spare each message the hop to a thread that would close nothing."""

    async def aclose_old_connections() -> None:
        """Do nothing: the connections are the test's."""

    name = "aclose_old_connections"
    with contextlib.ExitStack() as patches:
        for module in (db, consumer, http, websocket):
            patches.enter_context(Patch(module, name, aclose_old_connections))
        yield
