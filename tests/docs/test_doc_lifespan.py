"""What the page on lifespans shows."""

from __future__ import annotations

import asyncio
import unittest
from importlib.util import find_spec
from typing import Any
from unittest import mock

import httpx
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.layers import get_channel_layer
from channels.routing import ProtocolTypeRouter

from channels_testkit import LiveServerTestCase, WebsocketTestCase
from tests.live.clients import dial, hear, say


# docs:start lifespan
async def lifespan(scope: Any, receive: Any, send: Any) -> None:
    await receive()  # lifespan.startup
    async with httpx.AsyncClient(transport=forecasts()) as client:
        scope["state"]["client"] = client
        ticker = asyncio.create_task(tick())
        await send({"type": "lifespan.startup.complete"})
        await receive()  # lifespan.shutdown
        ticker.cancel()
    await send({"type": "lifespan.shutdown.complete"})


async def tick() -> None:
    while True:
        await asyncio.sleep(10)
        await get_channel_layer().group_send("weather", {"type": "weather.changed"})


# docs:end lifespan


def forecasts() -> httpx.MockTransport:
    """Stand for a service that tells the weather."""
    return httpx.MockTransport(lambda request: httpx.Response(200, text="fine"))


# docs:start consumer
class WeatherConsumer(AsyncJsonWebsocketConsumer):
    groups = ("weather",)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        await self.weather_changed({})

    async def weather_changed(self, event: Any) -> None:
        client = self.scope["state"]["client"]
        response = await client.get("https://weather.example/")
        await self.send_json({"weather": response.text})


application = ProtocolTypeRouter(
    {"lifespan": lifespan, "websocket": WeatherConsumer.as_asgi()}
)
# docs:end consumer


# docs:start each
class WeatherTests(WebsocketTestCase):
    run_lifespan = True
    ws_path = "/"

    def test_consumers_share_a_client(self) -> None:
        ann = self.connect()
        ann.send_json("?")
        self.assertReceivesJson(ann, {"weather": "fine"})
        self.assertFalse(self.lifespan_state["client"].is_closed)

    def test_a_task_in_the_background(self) -> None:
        ann = self.connect()
        with self.virtual_time():
            self.advance(20)
        self.assertEqual(ann.receive_all_json(), 2 * [{"weather": "fine"}])

    # docs:end each

    application = application


# docs:start fake
class FakeTests(WebsocketTestCase):
    run_lifespan = True
    ws_path = "/"

    @classmethod
    def setUpClass(cls) -> None:
        rain = httpx.MockTransport(lambda request: httpx.Response(200, text="rain"))
        cls.enterClassContext(mock.patch(f"{__name__}.forecasts", return_value=rain))
        super().setUpClass()

    def test_another_service(self) -> None:
        ann = self.connect()
        ann.send_json("?")
        self.assertReceivesJson(ann, {"weather": "rain"})

    def test_another_client_for_one_connection(self) -> None:
        snow = httpx.MockTransport(lambda request: httpx.Response(200, text="snow"))
        state = {"client": httpx.AsyncClient(transport=snow)}
        ann = self.connect(scope={"state": state})
        ann.send_json("?")
        self.assertReceivesJson(ann, {"weather": "snow"})

    # docs:end fake

    application = application


# docs:start class
class SharedWeatherTests(WebsocketTestCase):
    run_lifespan = "class"
    ws_path = "/"

    def test_a_client_for_all_tests(self) -> None:
        ann = self.connect()
        ann.send_json("?")
        self.assertReceivesJson(ann, {"weather": "fine"})

    async def test_on_the_same_loop(self) -> None:
        response = await self.lifespan_state["client"].get("https://weather.example/")
        self.assertEqual(response.text, "fine")

    # docs:end class

    application = application


# docs:start live
class LiveWeatherTests(LiveServerTestCase):
    run_lifespan = True

    def test_on_the_loop_of_the_server(self) -> None:
        ann = dial(self, "/")
        say(ann, "?")
        self.assertEqual(hear(ann), {"weather": "fine"})

    # docs:end live

    application = application


# docs:start around
def with_lifespan(application: Any) -> Any:
    async def middleware(scope: Any, receive: Any, send: Any) -> None:
        inner = lifespan if scope["type"] == "lifespan" else application
        await inner(scope, receive, send)

    return middleware


# docs:end around


class AroundTests(WeatherTests):
    application = with_lifespan(WeatherConsumer.as_asgi())


@unittest.skipUnless(find_spec("starlette"), "needs Starlette")
class StarletteTests(WeatherTests):
    @classmethod
    def setUpClass(cls) -> None:
        cls.application = in_starlette()
        super().setUpClass()


def in_starlette() -> Any:
    """Return the application inside of Starlette."""
    # docs:start starlette
    import contextlib

    from starlette.applications import Starlette
    from starlette.routing import Mount

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> Any:
        async with httpx.AsyncClient(transport=forecasts()) as client:
            ticker = asyncio.create_task(tick())
            yield {"client": client}
            ticker.cancel()

    routes = [Mount("/", WeatherConsumer.as_asgi())]
    application = Starlette(routes=routes, lifespan=lifespan)
    # docs:end starlette
    return application  # noqa: RET504 - the page has no return
