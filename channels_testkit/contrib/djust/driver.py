"""What djust's clients do, sync and async: djust's names, on its consumer."""

from __future__ import annotations

import copy
import inspect
import time
from typing import TYPE_CHECKING, Any

from djust.testing import NoHandlerFoundError

from channels_testkit.contrib.page_turns import EventResult, in_json
from channels_testkit.matching import closest_name
from channels_testkit.matching.wording import say
from channels_testkit.workers.messages import Group

from .mounting import LiveViewMounting
from .page import DjustPage, routed_view, split_url

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from djust.live_view import LiveView
    from typing_extensions import Self

    from .isolation import Background

__unittest = True


class LiveViewDriver(LiveViewMounting):
    """What both clients do."""

    async def _send(self, frame: object) -> None:
        self._need_socket()
        if self._went_on_to:
            raise RuntimeError(
                f"This client has followed a redirect to {say(self._went_on_to)}: use"
                " the client that follow_redirect() returned."
            )
        await super()._send(frame)

    async def _send_checked(
        self, name: str, params: Mapping[str, Any], *, raise_on_missing: bool
    ) -> EventResult:
        view = self.view_instance
        self._operations_before = len(view._stream_operations)  # noqa: SLF001
        result = await self._send_event(name, params)
        if result.has_failed and not callable(getattr(view, name, None)):
            text = _no_handler(view, name)
            if raise_on_missing:
                result.is_examined = True
                raise NoHandlerFoundError(text)
            result["error"] = text
        result.update(_code_of(result))
        self._note("event", name=name, params=params, **_outcome(result))
        return result

    async def _render_async(self) -> None:
        self._need_socket()
        let_go = self._background.take(self._driver.connection)
        # djust makes it when a view first starts something.
        queued = getattr(self.view_instance, "_async_tasks", {})
        if queued and not let_go:
            names = ", ".join(map(repr, queued))
            self._fail(
                f"No background work is running. {names} was queued by background work;"
                " djust starts it with the next event."
            )
        turn = self.turn
        with self._for_test.caught.during(turn):
            for free in let_go:
                free.set_result(None)
            await self._driver.connected("render_async()").settle()
        self._raise_errors(turn)

    @property
    def _background(self) -> Background:
        background: Background = self._for_test.held
        return background

    async def _follow_redirect(self) -> Self:
        redirects = self.turn.find({"type": "navigation", "action": "live_redirect"})
        if not redirects:
            self._fail(
                "Expected a live_redirect to follow, but the handler queued no"
                " redirect."
            )
        if len(redirects) > 1:
            paths = [redirect["path"] for redirect in redirects]
            self._fail(
                f"follow_redirect: handler queued {len(redirects)} live_redirects"
                f" (paths: {paths}); the browser follows one."
            )
        (redirect,) = redirects
        path, query = split_url(redirect["path"])
        view: Any = routed_view(path)
        if view is None:
            self._fail(
                f"follow_redirect: {say(path)} is not a LiveView: the browser loads it"
                " over HTTP."
            )
        params = {**query, **_in_url(redirect.get("params") or {})}
        client = self._rooted_on(view, path, params)
        self._went_on_to = path
        await client._arrive()  # noqa: SLF001 - one of the same kind
        return client

    async def _arrive(self) -> None:
        with self._turn_of("follow_redirect()") as turn:
            await self._send(self.page.redirect_frame())
        self._raise_errors(turn)
        self._raise_refusal(turn)
        self._check_mounted()
        self._note("mount", params=self.page.query, via_websocket=True)

    def _rooted_on(
        self, view: type[LiveView], path: str, query: dict[str, str]
    ) -> Self:
        self._raise_unexamined()
        self.turn.end()
        client = copy.copy(self)
        client.page = DjustPage(view, f"{view.__module__}.{view.__qualname__}", path)
        client.page.query = query
        vars(client).update(_turn=None, _html=None, events=[])
        self._run.add_cleanup(client._at_end)  # noqa: SLF001 - as above
        return client

    async def _trigger_info(self, message: Mapping[str, Any]) -> EventResult:
        self.turn  # noqa: B018 - raises where nothing is mounted
        self._need_socket()
        channel = _channel_of(message)
        group = f"djust_db_notify_{channel}"
        if group not in self.communicator.groups:
            self._fail(f"{self.page.name} does not listen to {say(channel)}.")
        before = self.get_state()
        start = time.perf_counter()
        with self._turn_of(f"trigger_info({say(channel)})") as turn:
            await Group(group).asend(dict(message))
            await self._driver.connected("trigger_info()").settle()
        result = self._result(turn, before, time.perf_counter() - start)
        self._note("handle_info", message=message, **_outcome(result))
        return result

    def _at_end(self) -> None:
        for free in self._background.take(self._driver.connection):
            self._run.run_in_sync_test(_cancel(free), "disconnect")
        super()._at_end()


def _code_of(result: EventResult) -> dict[str, str]:
    """Return the code that djust's own client has for a denial."""
    for frame in result["frames"]:
        if frame["type"] == "error":
            is_denied = frame["error"] == "Permission denied"
            code = frame.get("code", "permission_denied" if is_denied else None)
            return {} if code is None else {"code": code}
    return {}


def _outcome(result: EventResult) -> dict[str, Any]:
    """Return what the history has of a result, without looking at it."""
    names = ("duration_ms", "error", "code")
    return {name: value for name, value in result.items() if name in names}


def _in_url(params: Mapping[str, Any]) -> dict[str, str]:
    """Return parameters as the browser has them in its URL: as strings."""
    return {
        name: value if isinstance(value, str) else in_json(value)
        for name, value in params.items()
        if value is not None and value != ""
    }


def _no_handler(view: object, name: str) -> str:
    kind = type(view)
    static = {name: inspect.getattr_static(kind, name) for name in dir(kind)}
    names = [n for n, found in static.items() if hasattr(found, "_djust_decorators")]
    closest = closest_name(name, names)
    hint = f" Did you mean {closest!r}?" if closest else ""
    handlers = ", ".join(map(repr, names)) or "none"
    return (
        f"No handler found for event: {name}. The handlers of {kind.__name__}:"
        f" {handlers}.{hint}"
    )


def _channel_of(message: Mapping[str, Any]) -> str:
    keys = {"type", "channel", "payload"}
    if message.get("type") != "db_notify" or not keys >= set(message):
        raise ValueError(
            "djust calls handle_info() with the type 'db_notify', a channel and a"
            f" payload, not with {say(message)}."
        )
    return str(message.get("channel", ""))


async def _cancel(future: asyncio.Future[None]) -> None:
    future.cancel()
