"""What djust's clients do, sync and async: djust's names, on its consumer."""

from __future__ import annotations

import contextlib
import copy
import inspect
import time
from typing import TYPE_CHECKING, Any

from djust.live_view import LiveView

from channels_testkit.contrib.pages import PageDriver
from channels_testkit.contrib.turns import EventResult, in_json
from channels_testkit.matching import closest_name, matches
from channels_testkit.running.run import required
from channels_testkit.workers.messages import Group

from .exceptions import NoHandlerFoundError
from .isolation import Background, without_rate_limits
from .page import DjustPage, mountable, routed_view, split_url

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from typing_extensions import Self

__unittest = True

_RENDERS = ("patch", "html_update", "mount", "html_recovery")


class LiveViewDriver(PageDriver):
    """What both clients do."""

    page: DjustPage

    def __init__(
        self,
        view: Any,
        *,
        user: Any = None,
        url: str = "/",
        rate_limits: bool = False,
        **options: Any,
    ) -> None:
        test = required(type(self).__name__)
        if isinstance(view, str):
            view, url = _at(view), view
        if not (isinstance(view, type) and issubclass(view, LiveView)):
            raise TypeError(
                f"{type(self).__name__} takes a LiveView class or the path of one, not"
                f" {view!r}."
            )
        with contextlib.ExitStack() as stack:
            path = mountable(view, test.options.module)
            page = DjustPage(view, stack.enter_context(path), url)
            super().__init__(page, user=user, **options)
            self._run.add_cleanup(stack.pop_all().close)
        self._has_rate_limits = rate_limits
        self._operations_before = 0
        self._html: tuple[int, str] | None = None
        self._went_on_to = ""

    @property
    def view_instance(self) -> Any:
        """The view behind the page."""
        return self.page.view(self.consumer)

    # Actions.

    async def _mount(self, params: Mapping[str, Any]) -> None:
        with contextlib.ExitStack() as stack:
            if not self._has_rate_limits:
                stack.enter_context(without_rate_limits())
            await super()._mount(params)
        self._check_mounted()

    def _check_mounted(self) -> None:
        self.assert_frame({"type": "mount"})
        self.view_instance  # noqa: B018 - kept for when the connection has gone

    async def _send(self, frame: object) -> None:
        if self._went_on_to:
            raise RuntimeError(
                f"This client has followed a redirect to {self._went_on_to!r}: use the"
                " one that follow_redirect() has returned."
            )
        await super()._send(frame)

    async def _send_checked(
        self, name: str, params: Mapping[str, Any], *, raise_on_missing: bool
    ) -> EventResult:
        view = self.view_instance
        self._operations_before = len(view._stream_operations)  # noqa: SLF001
        result = await self._send_event(name, params)
        if raise_on_missing and not callable(getattr(view, name, None)):
            result.is_examined = True
            raise NoHandlerFoundError(_no_handler(view, name))
        return result

    async def _render(self, engine: str) -> str:
        if engine != "rust":
            raise ValueError(f"The consumer renders with 'rust', not {engine!r}.")
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
            self._fail("djust has no HTML of the page to give.")
        return answer

    async def _render_async(self) -> None:
        view, background = self.view_instance, self._background
        let_go = background.take(self._driver.connection)
        # djust makes it when a view first starts something.
        queued = getattr(view, "_async_tasks", {})
        if queued and not let_go:
            names = ", ".join(map(repr, queued))
            self._fail(
                f"No background work is under way. {names} was queued by background"
                " work; djust starts that with the next event."
            )
        turn = self.turn
        with self._for_test.caught.during(turn):
            for free in let_go:
                free.set_result(None)
            await self._driver.connected("render_async()").settle()
        raised, background.raised = background.raised, []
        has_handler = hasattr(view, "handle_async_result")
        # The view has been told of what its own callbacks have raised.
        turn.errors = [e for e in turn.errors if not (has_handler and e in raised)]
        self._tell(turn)

    @property
    def _background(self) -> Background:
        background: Background = self._for_test.held
        return background

    async def _follow_redirect(self) -> Self:
        redirects = self.turn.find({"type": "navigation", "action": "live_redirect"})
        if len(redirects) != 1:
            self._fail(
                f"{self.turn.action} led to {len(redirects)} redirects;"
                " follow_redirect() needs one."
            )
        (redirect,) = redirects
        path, query = split_url(redirect["path"])
        view: Any = routed_view(path)
        if view is None:
            self._fail(f"{path!r} is no LiveView: the browser loads it over HTTP.")
        params = {**query, **_in_url(redirect.get("params") or {})}
        client = self._rooted_on(view, path, params)
        self._went_on_to = path
        await client._arrive()  # noqa: SLF001 - one of the same kind
        return client

    async def _arrive(self) -> None:
        with self._turn_of("follow_redirect()") as turn:
            await self._send(self.page.redirect_frame())
        self._tell(turn)
        self._tell_refusal(turn)
        self._check_mounted()

    def _rooted_on(
        self, view: type[LiveView], path: str, query: dict[str, str]
    ) -> Self:
        self._tell_unexamined()
        self.turn.end()
        client = copy.copy(self)
        client.page = DjustPage(view, f"{view.__module__}.{view.__qualname__}", path)
        client.page.query = query
        vars(client).update(_turn=None, _html=None)
        self._run.add_cleanup(client._at_end)  # noqa: SLF001 - as above
        return client

    async def _trigger_info(self, message: Mapping[str, Any]) -> EventResult:
        channel = _channel_of(message)
        group = f"djust_db_notify_{channel}"
        if group not in self.communicator.groups:
            self._fail(f"{self.page.name} does not listen to {channel!r}.")
        before = self.get_state()
        start = time.perf_counter()
        with self._turn_of(f"trigger_info({channel!r})") as turn:
            await Group(group).asend(dict(message))
            await self._driver.connected("trigger_info()").settle()
        return self._result(turn, before, time.perf_counter() - start)

    def _at_end(self) -> None:
        for free in self._background.take(self._driver.connection):
            self._run.run_in_sync_test(_cancel(free), "disconnect")
        super()._at_end()

    # Assertions.

    def assert_push_event(self, name: str, params: object = None) -> Any:
        """
        Assert that the last turn pushed an event; return its payload.

        Keys of the payload that are not expected do not matter.
        """
        __tracebackhide__ = True
        for frame in self.turn.find({"type": "push_event", "event": name}):
            if params is None or matches(params, frame["payload"], partial=True):
                return frame["payload"]
        return self._fail(self._none("push event", name, params))

    def assert_patch(self, path: str | None = None, params: object = None) -> Any:
        """Assert that the last turn patched the URL; return the frame."""
        __tracebackhide__ = True
        return self._assert_navigation("live_patch", path, params)

    def assert_redirect(self, path: str | None = None, params: object = None) -> Any:
        """Assert that the last turn led to another page; return the frame."""
        __tracebackhide__ = True
        return self._assert_navigation("live_redirect", path, params)

    def _assert_navigation(self, action: str, path: str | None, params: object) -> Any:
        __tracebackhide__ = True
        for frame in self.turn.find({"type": "navigation", "action": action}):
            has_path = path is None or frame.get("path") == path
            given = frame.get("params") or {}
            if has_path and (params is None or matches(params, given, partial=True)):
                return frame
        return self._fail(self._none(action, path, params))

    def assert_stream_insert(self, stream: str, item: object = None) -> Any:
        """
        Assert that the last event inserted into a stream; return the item.

        Keys of a dict that are not expected do not matter. The insertion is
        the view's: whether the browser has got anything, the turn says.
        """
        __tracebackhide__ = True
        inserted = self._inserted()
        for found in inserted.get(stream, []):
            if item is None or matches(item, found, partial=True):
                return found
        text = self._none("insertion into stream", stream, item)
        return self._fail(f"{text}\n\nInserted: {inserted!r}")

    def _none(self, what: str, name: str | None, params: object) -> str:
        """Say that the last turn held nothing of a kind."""
        called = "" if name is None else f" {name!r}"
        wanted = "" if params is None else " that matches"
        expected = "" if params is None else f"\n\nExpected: {in_json(params)}"
        return f"{self.turn.action} led to no {what}{called}{wanted}.{expected}"

    def _inserted(self) -> dict[str, list[Any]]:
        """Return the items that the last event inserted, by stream."""
        view = self.view_instance
        operations = view._stream_operations[self._operations_before :]  # noqa: SLF001
        found: dict[str, list[Any]] = {}
        for name in {operation["stream"] for operation in operations}:
            ids = {op["dom_id"] for op in operations if _inserts(op, name)}
            stream = view._streams[name]  # noqa: SLF001
            found[name] = [i for i in stream.items if stream.dom_id_for(i) in ids]
        return found


def _at(path: str) -> type[LiveView]:
    view = routed_view(path)
    if view is None:
        raise ValueError(f"The project routes {path!r} to no LiveView.")
    return view


def _inserts(operation: Mapping[str, Any], stream: str) -> bool:
    is_insert = operation["type"] == "stream_insert"
    return bool(is_insert and operation["stream"] == stream)


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
    return f"{type(view).__name__} has no {name!r}. Its handlers: {handlers}.{hint}"


def _channel_of(message: Mapping[str, Any]) -> str:
    keys = {"type", "channel", "payload"}
    if message.get("type") != "db_notify" or not keys >= set(message):
        raise ValueError(
            "djust calls handle_info() with the type 'db_notify', a channel and a"
            f" payload, not with {message!r}."
        )
    return str(message.get("channel", ""))


async def _cancel(future: asyncio.Future[None]) -> None:
    future.cancel()
