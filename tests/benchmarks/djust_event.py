"""One event of a djust page: a row is written, and the page rendered."""

from __future__ import annotations

from typing import Any

from channels.routing import URLRouter
from django.test import TestCase
from django.urls import path
from djust import LiveView
from djust.decorators import event_handler
from djust.testing import LiveViewTestClient as DjustClient
from djust.websocket import LiveViewConsumer

from channels_testkit import ChannelTestCase
from channels_testkit.contrib.djust import AsyncLiveViewTestClient, LiveViewTestClient

from .measuring import Repeats, calls, compare
from .models import Row


class Rows(LiveView):
    template = "<div dj-root><p>{{ written }}</p></div>"

    def mount(self, request: Any, **kwargs: Any) -> None:
        self.written = 0

    @event_handler
    def write(self, **kwargs: Any) -> None:
        Row.objects.create(text="hello")
        self.written += 1


class Ours(Repeats, ChannelTestCase):
    application = URLRouter([path("ws/live/", LiveViewConsumer.as_asgi())])

    def event(self) -> None:
        client = LiveViewTestClient(Rows).mount()
        self.repeat(lambda: client.send_event("write"))
        client.assert_state(written=self.count)

    async def aevent(self) -> None:
        client = await AsyncLiveViewTestClient(Rows).mount()
        await self.arepeat(lambda: client.send_event("write"))
        client.assert_state(written=self.count)


class Djust(Repeats, TestCase):
    """Calls the handler by itself: no consumer, no frames, no session."""

    def event(self) -> None:
        client = DjustClient(Rows).mount()

        def event() -> None:
            client.send_event("write")
            client.render()

        self.repeat(event)
        client.assert_state(written=self.count)


def measure(database: str, *, smoke: bool) -> None:
    count, rounds = (1, 1) if smoke else (100, 15)
    compare(
        f"An event of a djust page that writes a row, on {database}",
        [
            calls("contrib.djust, sync test", Ours, "event", count),
            calls("contrib.djust, async test", Ours, "aevent", count),
            calls("djust's own client", Djust, "event", count, is_peer=True),
        ],
        rounds,
    )
