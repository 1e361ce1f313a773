"""What the browser of a page holds, over its socket and before it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from djust import testing

from channels_testkit.workers.messages import Channel

from .asserting import LiveViewAssertions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self

__unittest = True

_RENDERS = ("patch", "html_update", "mount", "html_recovery")
_IDS = re.compile(r' dj-id="[^"]*"')


class LiveViewHTML(LiveViewAssertions):
    """How both clients render."""

    #: djust's own client, for a page without a socket.
    _first_page: Any = None
    _html: tuple[int, str] | None = None
    #: The first frame whose patches have not been returned yet.
    _patches_from = 0

    async def _render(self, engine: str, *, with_ids: bool) -> str:
        self.turn  # noqa: B018 - raises where nothing is mounted
        if engine != "rust":
            raise ValueError(f"The consumer renders with 'rust', not {engine!r}.")
        if self._first_page is not None:
            html: str = await sync_to_async(self._first_page.render)()
        else:
            html = await self._held_html()
        return html if with_ids else _IDS.sub("", html)

    async def _held_html(self) -> str:
        """Return the HTML of the last frame that has rendered the page."""
        frames = [f for f in self._all_frames() if f["type"] in _RENDERS]
        if self._html is not None and self._html[0] == len(frames):
            return self._html[1]
        if frames[-1].get("html") is None:
            frames.append(await self._ask_for_html())
        self._html = len(frames), frames[-1]["html"]
        return self._html[1]

    async def _ask_for_html(self) -> Any:
        await self._send({"type": "request_html"})
        answer = self._all_frames()[-1]
        if answer["type"] != "html_recovery":
            self._fail("djust did not send the HTML of the page.")
        return answer

    async def _render_with_patches(self) -> tuple[str, list[Any], int]:
        turn = self.turn
        if self._first_page is not None:
            render = self._first_page.render_with_patches
            answer: tuple[str, list[Any], int] = await sync_to_async(render)()
            return answer
        with self._for_test.caught.during(turn):
            await Channel(self.communicator.channel_name).asend({"type": "server_push"})
            await self._driver.connected("render_with_patches()").settle()
        self._raise_errors(turn)
        frames = self._all_frames()[self._patches_from :]
        html = await self._held_html()
        self._patches_from = len(self._all_frames())
        patches = [p for frame in frames for p in frame.get("patches") or ()]
        versions = [f["version"] for f in self._all_frames() if "version" in f]
        return html, patches, versions[-1]

    # Without a socket.

    async def _prerender(self, params: Mapping[str, Any]) -> None:
        with self._turn_of("mount(via_websocket=False)") as turn:
            self._first_page = await sync_to_async(self._first_page_of)(params)
        self._raise_errors(turn)

    def _first_page_of(self, params: Mapping[str, Any]) -> Any:
        """Mount the view as djust's own client does for a first request."""
        raise NotImplementedError

    def _another(self) -> Self:
        """Return a client that opens the same page anew."""
        raise NotImplementedError

    async def _assert_parity(self, params: Mapping[str, Any]) -> list[str]:
        other = self._another()
        await other._mount(params)  # noqa: SLF001 - one of the same kind
        over_http = await sync_to_async(self._html_of_request)(params)
        over_ws = await other._held_html()  # noqa: SLF001 - as above
        await other.communicator.disconnect()
        http_ids = self._djroot_djids(over_http)
        ws_ids = self._djroot_djids(over_ws)
        if http_ids != ws_ids:
            raise AssertionError(
                "HTTP-GET vs WebSocket-mount dj-id divergence for"
                f" {self.page.view_class.__name__}: patches of the first event would"
                " miss the elements that the browser has.\n\n"
                f"  HTTP baseline: {http_ids}\n"
                f"  WS   baseline: {ws_ids}"
            )
        return http_ids

    def _html_of_request(self, params: Mapping[str, Any]) -> str:
        """Render a page as a GET does, and return what is in its root."""
        view = self._first_page_of(params).view_instance
        view.get_template()
        view.render_full_template(view.request)
        html, _, _ = view.render_with_diff(view.request)
        return str(view._extract_liveview_content(html))  # noqa: SLF001

    @staticmethod
    def _djroot_djids(html: str) -> list[str]:
        ids: list[str] = testing.LiveViewTestClient._djroot_djids(html)  # noqa: SLF001
        return ids
