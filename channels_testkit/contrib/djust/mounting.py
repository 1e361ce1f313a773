"""How djust's clients open a page: as whom, over a socket or without one."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from channels.layers import get_channel_layer
from django.core.exceptions import ImproperlyConfigured
from django.test import RequestFactory
from djust import testing
from djust.live_view import LiveView

from channels_testkit.running.run import required

from .html import LiveViewHTML
from .isolation import without_rate_limits
from .page import DjustPage, arguments_of, mountable, routed_view
from .users import StandIn, sent_by, stand_in_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self, Unpack

    from channels_testkit.websocket.options import AnyUser, OtherOptions

__unittest = True

_NO_LAYER = (
    "djust's consumer joins a group when it connects, here and in production, but"
    " CHANNEL_LAYERS has no 'default'. Add one to the settings of your tests:"
    " CHANNEL_LAYERS = {'default': {'BACKEND':"
    " 'channels.layers.InMemoryChannelLayer'}}"
)


class LiveViewMounting(LiveViewHTML):
    """How both clients open a page."""

    _user: Any
    _stand_in: StandIn | None

    def __init__(
        self,
        view: Any,
        request_factory: RequestFactory | None = None,
        user: AnyUser | None = None,
        *,
        url: str = "/",
        rate_limits: bool = False,
        **options: Unpack[OtherOptions],
    ) -> None:
        test = required(type(self).__name__)
        if isinstance(view, str):
            view, url = _at(view), view
        if not (isinstance(view, type) and issubclass(view, LiveView)):
            raise TypeError(
                f"{type(self).__name__} takes a LiveView class or the path of one, not"
                f" {view!r}."
            )
        self._arguments: dict[str, Any] = {"rate_limits": rate_limits, **options}
        self._scope = options.get("scope") or {}
        #: What cookies and headers of the handshake are taken from.
        self.request_factory = request_factory or RequestFactory()
        sent: dict[str, Any] = {**sent_by(self.request_factory), **options}
        with contextlib.ExitStack() as stack:
            path = mountable(view, test.options.module)
            page = DjustPage(view, stack.enter_context(path), url)
            super().__init__(page, **sent)
            self._run.add_cleanup(stack.pop_all().close)
        self._has_rate_limits = rate_limits
        self._went_on_to = ""
        #: What ``get_event_history()`` returns a copy of.
        self.events: list[dict[str, Any]] = []
        #: Whether the page was mounted over its socket; None before.
        self.via_websocket: bool | None = None
        self.user = user

    @property
    def view_class(self) -> type[LiveView]:
        """The view that is tested."""
        return self.page.view_class

    @property
    def user(self) -> Any:
        """Who opens the page. It can be set until the page is mounted."""
        return self._user

    @user.setter
    def user(self, user: Any) -> None:
        if self._driver.connection is not None:
            raise RuntimeError(
                f"{self.page.name} is mounted, as {self._user!r}: create another"
                f" client for {user!r}."
            )
        self._user = user
        self._stand_in = stand_in_for(user)
        scope, logged_in = self._scope, user
        if self._stand_in is not None:
            scope, logged_in = {**scope, "user": self._stand_in}, None
        options = self._driver.options
        self._driver.set_options(replace(options, user=logged_in, scope=scope))

    @property
    def consumer(self) -> Any:
        """What has the view: djust's consumer."""
        return self._first_page or super().consumer

    def get_event_history(self) -> list[dict[str, Any]]:
        """
        Return what the test has done with the page, in order.

        Each is a dict with the ``type``, which is ``"mount"``, ``"event"`` or
        ``"handle_info"``, a ``timestamp``, and what was given; events have
        their ``duration_ms`` and ``error``, and a ``code`` where djust denied
        them.
        """
        return list(self.events)

    def _note(self, kind: str, **values: Any) -> None:
        self.events.append({"type": kind, **values, "timestamp": time.time()})

    # Actions.

    async def _mount(self, params: Mapping[str, Any]) -> None:
        connection = self._driver.connection
        with contextlib.ExitStack() as stack:
            if not self._has_rate_limits:
                stack.enter_context(without_rate_limits())
            if connection is not None and connection.is_open:
                await self._mount_again(params)
            else:
                await self._mount_first(params)
        self._check_mounted()
        self.via_websocket = True
        self._note("mount", params=params, via_websocket=True)

    async def _mount_first(self, params: Mapping[str, Any]) -> None:
        if get_channel_layer() is None:
            raise ImproperlyConfigured(_NO_LAYER)
        if self._first_page is not None:
            self._first_page = self._turn = None
        try:
            await super()._mount(params)
        finally:
            self._check_stand_in()

    async def _mount_again(self, params: Mapping[str, Any]) -> None:
        with self._turn_of("mount()") as turn:
            await self._send(self.page.mount_frame(params))
        self._raise_errors(turn)
        self._raise_refusal(turn)

    def _check_stand_in(self) -> None:
        connection = self._driver.connection
        seen = connection.scope.get("user") if connection else self._stand_in
        if self._stand_in is not None and seen is not self._stand_in:
            raise AssertionError(
                f"{self.page.name} was opened as {self._user!r}, who cannot log in, but"
                f" the application's scope has the user {seen}. Use a user of the"
                " database."
            )

    def _check_mounted(self) -> None:
        self.assert_frame({"type": "mount"})
        self.view_instance  # noqa: B018 - kept for when the connection has gone
        self._patches_from = len(self._all_frames())

    async def _prerender(self, params: Mapping[str, Any]) -> None:
        if self._driver.connection is not None:
            raise RuntimeError(f"{self.page.name} is mounted: create another client.")
        await super()._prerender(params)
        self.via_websocket = False
        self._note("mount", params=params, via_websocket=False)

    def _first_page_of(self, params: Mapping[str, Any]) -> Any:
        # djust's client asks for "/" of any factory.
        at_page = SimpleNamespace(get=lambda path: self.request_factory.get(self._url))
        client = testing.LiveViewTestClient(self.view_class, at_page, self._user)
        arguments = {**arguments_of(self.page.url), **params}
        return client.mount(via_websocket=False, **arguments)

    @property
    def _url(self) -> str:
        return f"{self.page.url}?{urlencode(self.page.query)}"

    def _another(self) -> Self:
        options: dict[str, Any] = {**self._arguments, "url": self._url}
        asker = self.request_factory, self._user
        return type(self)(self.view_class, *asker, **options)

    def _need_socket(self) -> None:
        if self._first_page is not None:
            raise RuntimeError(
                f"{self.page.name} was mounted without a socket: call mount() before"
                " you send events."
            )


def _at(path: str) -> type[LiveView]:
    view = routed_view(path)
    if view is None:
        raise ValueError(f"No LiveView is routed at {path!r}.")
    return view
