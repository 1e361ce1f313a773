"""The clients: djust's names, for sync and for async tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from channels_testkit.contrib.pages import AsyncPageClient, PageClient
from channels_testkit.running.kit_calls import kit_coroutine

from .driver import LiveViewDriver

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self

    from channels_testkit.contrib.page_turns import EventResult

__unittest = True


class LiveViewTestClient(LiveViewDriver, PageClient):
    """
    Drives a LiveView in a sync test, with the calls of djust's own client.

    Takes a LiveView class, or the path that the project routes to one;
    ``user`` is logged in by a session, and one that is not in the database is
    put into the scope. Cookies and headers of a ``request_factory`` go with
    the handshake. With ``rate_limits`` the limits of a connection hold as
    well. ``url`` is that of the page, for a class. Other options are those of
    ``self.connect()``, and ``ws_path``.
    """

    def mount(self, via_websocket: bool = True, **params: Any) -> Self:
        """
        Connect, ask for the page, and return the client.

        A client whose page is open asks for it again, on the same socket.
        Without ``via_websocket`` the view is mounted as by a first request,
        for ``get_state()`` and ``render()``. Raises what the server's code
        raises, and ``MountRefused`` where the server does not give the page.
        """
        if via_websocket:
            return super().mount(**params)
        self._run_sync(self._prerender(params), "mount")
        return self

    def send_event(  # type: ignore[override]  # a keyword, as djust has it
        self,
        event_name: str,
        raise_on_missing: bool = True,
        **params: Any,
    ) -> EventResult:
        """
        Send an event and return what came of it: see ``EventResult``.

        Raises ``NoHandlerFoundError`` for a name that the view does not have;
        without ``raise_on_missing`` the result has failed, and says so. A
        result that djust denied has the ``code`` ``"permission_denied"``.
        """
        work = self._send_checked(event_name, params, raise_on_missing=raise_on_missing)
        result: EventResult = self._run_sync(work, "send_event")
        return result

    def render(self, engine: str = "rust", *, with_ids: bool = False) -> str:
        """
        Return the HTML that the browser holds.

        The ``dj-id`` of each tag, which djust patches by, is left out unless
        ``with_ids`` is true.
        """
        work = self._render(engine, with_ids=with_ids)
        html: str = self._run_sync(work, "render")
        return html

    def render_with_patches(self) -> tuple[str, list[Any], int]:
        """
        Have djust render the page anew, as after a push to the view.

        Returns the HTML that the browser then holds, with each ``dj-id``; the
        patches that it got since the last call, or since ``mount()``; and the
        version of the page. Frames belong to the turn under way.
        """
        work = self._render_with_patches()
        found: tuple[str, list[Any], int] = self._run_sync(work, "render_with_patches")
        return found

    def assert_http_ws_djid_parity(self, **params: Any) -> list[str]:
        """
        Assert that a request and a socket give the page the same ``dj-id``s.

        Mounts the page in both ways with these parameters, and fails where the
        patches of a first event would miss what the browser has. Returns the
        identifiers, in order. Needs no ``mount()``.
        """
        work = self._assert_parity(params)
        found: list[str] = self._run_sync(work, "assert_http_ws_djid_parity")
        return found

    def render_async(self) -> None:
        """
        Run the background work that djust has started, to its end.

        Its frames belong to the turn. Raises what it raises, after the view's
        ``handle_async_result()`` was called with it.
        """
        self._run_sync(self._render_async(), "render_async")

    def follow_redirect(self) -> Self:
        """
        Follow the redirect of the last turn on the same socket, as a browser.

        Returns a client for the new page; this client cannot be used any more.
        Raises ``MountRefused`` if the server does not give the page.
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
    async def mount(self, via_websocket: bool = True, **params: Any) -> Self:
        """Connect and ask for the page: see ``LiveViewTestClient.mount()``."""
        work = self._mount if via_websocket else self._prerender
        await work(params)
        return self

    @kit_coroutine
    async def send_event(  # type: ignore[override]  # as above
        self,
        event_name: str,
        raise_on_missing: bool = True,
        **params: Any,
    ) -> EventResult:
        """Send an event: see ``LiveViewTestClient.send_event()``."""
        return await self._send_checked(
            event_name, params, raise_on_missing=raise_on_missing
        )

    @kit_coroutine
    async def render(self, engine: str = "rust", *, with_ids: bool = False) -> str:
        """Return the HTML: see ``LiveViewTestClient.render()``."""
        return await self._render(engine, with_ids=with_ids)

    @kit_coroutine
    async def render_with_patches(self) -> tuple[str, list[Any], int]:
        """Render: see ``LiveViewTestClient.render_with_patches()``."""
        return await self._render_with_patches()

    @kit_coroutine
    async def assert_http_ws_djid_parity(self, **params: Any) -> list[str]:
        """See ``LiveViewTestClient.assert_http_ws_djid_parity()``."""
        return await self._assert_parity(params)

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
