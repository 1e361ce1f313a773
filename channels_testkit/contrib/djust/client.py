"""The clients: djust's names, for sync and for async tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from channels_testkit.contrib.pages import AsyncPageClient, PageClient
from channels_testkit.running.kit_calls import kit_coroutine

from .driver import LiveViewDriver

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self

    from channels_testkit.contrib.turns import EventResult

__unittest = True


class LiveViewTestClient(LiveViewDriver, PageClient):
    """
    Drives a LiveView in a sync test, with the calls of djust's own client.

    Takes a LiveView class, or the path that the project routes to one;
    ``user`` is logged in by a session. With ``rate_limits`` the limits of a
    connection hold as well. ``url`` is that of the page, for a class. Other
    options are those of ``self.connect()``, and ``ws_path``.
    """

    def send_event(
        self, name: str, /, *, raise_on_missing: bool = True, **params: Any
    ) -> EventResult:
        """
        Send an event and return what came of it: see ``EventResult``.

        Raises ``NoHandlerFoundError`` for a name that the view does not have.
        """
        work = self._send_checked(name, params, raise_on_missing=raise_on_missing)
        result: EventResult = self._run_sync(work, "send_event")
        return result

    def render(self, engine: str = "rust") -> str:
        """Return the HTML that the browser holds."""
        html: str = self._run_sync(self._render(engine), "render")
        return html

    def render_async(self) -> None:
        """
        Let the background work that djust has started run, to its end.

        Its frames belong to the turn. Raises what it raises, unless the view
        has a ``handle_async_result()``, which is then told.
        """
        self._run_sync(self._render_async(), "render_async")

    def follow_redirect(self) -> Self:
        """
        Go where the last turn led to, on the same socket, as the browser does.

        Returns a client for that page; this one can do no more. Raises
        ``MountRefused`` where the server does not give the page.
        """
        client: Self = self._run_sync(self._follow_redirect(), "follow_redirect")
        return client

    def trigger_info(self, message: Mapping[str, Any]) -> EventResult:
        """
        Deliver a notification of the database to every view that listens.

        Fails where this one does not. Returns what ``send_event()`` does.
        """
        work = self._trigger_info(message)
        result: EventResult = self._run_sync(work, "trigger_info")
        return result


class AsyncLiveViewTestClient(LiveViewDriver, AsyncPageClient):
    """
    Drives a LiveView in an async test: see ``LiveViewTestClient``.

    Its actions are coroutines; its assertions are plain methods.
    """

    @kit_coroutine
    async def send_event(
        self, name: str, /, *, raise_on_missing: bool = True, **params: Any
    ) -> EventResult:
        """Send an event: see ``LiveViewTestClient.send_event()``."""
        return await self._send_checked(name, params, raise_on_missing=raise_on_missing)

    @kit_coroutine
    async def render(self, engine: str = "rust") -> str:
        """Return the HTML that the browser holds."""
        return await self._render(engine)

    @kit_coroutine
    async def render_async(self) -> None:
        """Let work run: see ``LiveViewTestClient.render_async()``."""
        await self._render_async()

    @kit_coroutine
    async def follow_redirect(self) -> Self:
        """Go on: see ``LiveViewTestClient.follow_redirect()``."""
        return await self._follow_redirect()

    @kit_coroutine
    async def trigger_info(self, message: Mapping[str, Any]) -> EventResult:
        """Notify the views: see ``LiveViewTestClient.trigger_info()``."""
        return await self._trigger_info(message)
