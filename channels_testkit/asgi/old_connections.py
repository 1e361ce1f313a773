"""The closing of old database connections that Channels does per message."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from channels import consumer, db
from channels.generic import http, websocket

from channels_testkit.engine.patches import Patch

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def old_connections_kept() -> Iterator[None]:
    """Skip the closing, and its switch of threads: it would close nothing."""

    async def aclose_old_connections() -> None:
        """Do nothing: the connections are the test's."""

    name = "aclose_old_connections"
    with contextlib.ExitStack() as patches:
        for module in (db, consumer, http, websocket):
            patches.enter_context(Patch(module, name, aclose_old_connections))
        yield
