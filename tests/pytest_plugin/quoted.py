"""What the documentation quotes of pytest; ``test_quoted.py`` runs it."""

# docs:start suite
from __future__ import annotations

import pytest

from channels_testkit import WebsocketCommunicator
from tests.app.asgi import application


@pytest.mark.asyncio
async def test_say(db):
    communicator = WebsocketCommunicator(application, "/ws/room/1/")
    connected, _ = await communicator.connect()
    assert connected
    await communicator.send_json_to({"note": "hello"})
    assert await communicator.receive_json_from() == {"note": "hello"}
    await communicator.disconnect()
    # docs:end suite


# docs:start mark
@pytest.mark.channels_test(ws_path="/ws/room/1/", check_unread="fail")
def test_nothing_is_left_unread(ws_connect):
    ann = ws_connect()
    ann.send_json({"say": "hello"})
    assert ann.receive_all_json() == [{"say": "hello"}]
    # docs:end mark


# docs:start attributes
def test_that_a_subprotocol_is_offered(channels_test):
    channels_test.ws_path = "/ws/echo/"
    channels_test.get_subprotocols = lambda: ["chat.v2"]
    ann = channels_test.connect()
    assert ann.scope["subprotocols"] == ["chat.v2"]
    # docs:end attributes


# docs:start types
from channels_testkit.pytest import ChannelsTest, Connect


def test_echo(channels_test: ChannelsTest, ws_connect: Connect) -> None:
    ann = ws_connect("/ws/echo/")
    ann.send_json({"say": "hello"})
    channels_test.assertReceivesJson(ann, {"say": "hello"})
    # docs:end types


# docs:start live
def test_the_page(channels_live_server, client):
    assert channels_live_server.url.startswith("http://127.0.0.1:")
    assert channels_live_server.ws_url.startswith("ws://127.0.0.1:")
    # docs:end live


# docs:start tasks
from tests.app.tasks import shout


def test_a_text_is_shouted(channels_test):
    ann = channels_test.connect("/ws/room/1/")
    with channels_test.held_tasks() as tasks:
        shout.delay("1", "hello")
        tasks.run()
        channels_test.assertReceivesJson(ann, "HELLO")
        # docs:end tasks


from tests.docs.test_doc_lifespan import application as weather


# docs:start lifespan
@pytest.mark.channels_test(run_lifespan=True, application=weather, ws_path="/")
def test_the_weather(ws_connect, channels_test):
    ann = ws_connect()
    ann.send_json("?")
    assert ann.receive_json() == {"weather": "fine"}
    assert not channels_test.lifespan_state["client"].is_closed


@pytest.mark.asyncio(loop_scope="class")
@pytest.mark.channels_test(run_lifespan="loop", application=weather, ws_path="/")
class TestWeather:
    async def test_one_client_for_both(self, aws_connect):
        ann = await aws_connect()
        await ann.send_json("?")
        assert await ann.receive_json() == {"weather": "fine"}

    async def test_on_the_same_loop(self, channels_test):
        client = channels_test.lifespan_state["client"]
        assert (await client.get("https://weather.example/")).text == "fine"
        # docs:end lifespan
