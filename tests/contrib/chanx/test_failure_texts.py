"""The failures that the reference shows, produced and compared whole."""

from __future__ import annotations

from typing import Any

from chanx.messages.incoming import PingMessage
from django.contrib.auth.models import User
from django.test import override_settings

from channels_testkit.contrib.chanx import WebsocketTestCase
from tests import scenarios

from .consumers import BoardConsumer, LobbyConsumer, TwiceConsumer, UnroutedConsumer

scenario = scenarios.Scenarios("chanx")


class ChatTests(WebsocketTestCase):
    """What the scenarios find."""

    consumer: Any = LobbyConsumer

    async def enter(self) -> Any:
        ann = await User.objects.acreate(username="ann")
        communicator = await self.aconnect(user=ann)
        await communicator.wait_for_auth()
        return communicator


# The authentication.


@scenario
async def not_authenticated(case: Any) -> None:
    stranger = await case.aconnect()
    await stranger.assert_authenticated_status_ok()


@scenario
@override_settings(CHANX={"SEND_AUTHENTICATION_MESSAGE": False})
async def not_authenticated_without_a_message(case: Any) -> None:
    stranger = case.create_communicator()
    await stranger.connect()
    await stranger.assert_authenticated_status_ok()


@scenario
async def no_authentication_message(case: Any) -> None:
    ann = await case.enter()
    await ann.wait_for_auth()


@scenario
async def no_authentication_message_next(case: Any) -> None:
    ann = await case.enter()
    await ann.send_message(PingMessage())
    await ann.wait_for_auth()


# Messages.


@scenario
async def no_message_with_the_action(case: Any) -> None:
    ann = await case.enter()
    await ann.send_message(PingMessage())
    await ann.receive_all_messages("said")


@scenario
async def not_declared(case: Any) -> None:
    ann = await case.enter()
    await ann.consumer.send_json({"action": "unheard"})
    await ann.receive_all_messages()


@scenario
async def no_consumer_of_chanx(case: Any) -> None:
    ann = await case.aconnect("/ws/plain/")
    await ann.send_message(PingMessage())
    await ann.receive_all_messages()


# Where connections go.


@scenario
async def no_route(case: Any) -> None:
    case.consumer = UnroutedConsumer
    await case.auth_communicator.connect()


@scenario
async def two_routes(case: Any) -> None:
    case.consumer = TwiceConsumer
    await case.auth_communicator.connect()


@scenario
async def route_with_parameters(case: Any) -> None:
    case.consumer = BoardConsumer
    await case.auth_communicator.connect()


@scenario
async def no_consumer(case: Any) -> None:
    case.consumer = None
    case.capture_broadcast_events()


class FailureTextTests(scenarios.ScenariosTestCase):
    scenarios = scenario
    inner = ChatTests
