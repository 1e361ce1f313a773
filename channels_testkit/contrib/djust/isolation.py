"""The state that djust keeps in the process, reset for each test."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any
from unittest import mock

from djust import test_isolation
from djust.config import config
from djust.db.notifications import PostgresNotifyListener
from djust.mixins import async_work
from djust.rate_limit import ip_tracker, reset_handler_buckets
from djust.security import mount

from channels_testkit.engine.origins import OWNER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from channels_testkit.running.run import TestRun


class Background:
    """Holds background work until the test lets it run."""

    def __init__(self) -> None:
        self._held: list[tuple[object, asyncio.Future[None]]] = []
        self._run_callback: Any = async_work.run_async_callback

    async def run_async_callback(
        self, callback: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Run one callback as djust does, when the test releases it."""
        is_free: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._held.append((OWNER.get(), is_free))
        await is_free
        return await self._run_callback(callback, args, kwargs)

    def take(self, connection: object) -> list[asyncio.Future[None]]:
        """Take the held work of a connection, to release it."""
        taken = [free for of, free in self._held if of is connection]
        self._held = [held for held in self._held if held[0] is not connection]
        return [free for free in taken if not free.done()]


@contextlib.contextmanager
def isolated(test: TestRun) -> Iterator[Background]:
    """Give a test a djust that is as fresh as a new process's."""
    background = Background()
    with contextlib.ExitStack() as stack:
        for patch in (
            # Every transport imports it by this name when it needs it.
            mock.patch.object(
                async_work, "run_async_callback", background.run_async_callback
            ),
            # The database's own notifications come from outside of the test's
            # transaction; trigger_info() stands for them.
            mock.patch.object(PostgresNotifyListener, "ensure_listening", _do_nothing),
            mock.patch.dict(ip_tracker._connections, clear=True),  # noqa: SLF001
            mock.patch.dict(ip_tracker._cooldowns, clear=True),  # noqa: SLF001
        ):
            stack.enter_context(patch)
        _reset()
        stack.callback(_reset)
        yield background


def _reset() -> None:
    # The layers are captive, and the language is the test's own.
    with mock.patch.multiple(
        test_isolation,
        _reset_channel_layer=lambda: None,
        _reset_django_thread_locals=lambda: None,
    ):
        test_isolation.reset_djust_globals()
    reset_handler_buckets()


async def _do_nothing(*args: object) -> None: ...


@contextlib.contextmanager
def without_rate_limits() -> Iterator[None]:
    """Let a connection that is made now send as fast as a test does."""
    plenty = 10**9
    limits = {
        **config._config["rate_limit"],  # noqa: SLF001
        "rate": plenty,
        "burst": plenty,
        "max_connections_per_ip": plenty,
    }
    with mock.patch.dict(config._config, rate_limit=limits):  # noqa: SLF001
        yield


@contextlib.contextmanager
def allowed(view_path: str) -> Iterator[None]:
    """Let one view be mounted, besides those that the settings allow."""
    is_allowed = mount.is_view_path_allowed

    def is_view_path_allowed(path: str) -> bool:
        return path == view_path or is_allowed(path)

    with mock.patch.object(mount, "is_view_path_allowed", is_view_path_allowed):
        yield
