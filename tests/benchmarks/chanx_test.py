"""One test of a Chanx consumer: authenticate, send, receive all there is."""

from __future__ import annotations

import logging
from typing import Any, Literal

import structlog
from channels.routing import URLRouter
from chanx.channels.authenticator import DjangoAuthenticator
from chanx.channels.testing import WebsocketTestCase as ChanxTestCase
from chanx.channels.websocket import AsyncJsonWebsocketConsumer
from chanx.core.decorators import ws_handler
from chanx.messages.base import BaseMessage
from django.test import override_settings
from django.urls import path

from channels_testkit.contrib.chanx import WebsocketTestCase

from .measuring import compare, whole_tests


class Say(BaseMessage):
    action: Literal["say"] = "say"
    payload: str


class Said(BaseMessage):
    action: Literal["said"] = "said"
    payload: str


class Talker(AsyncJsonWebsocketConsumer):
    authenticator_class = DjangoAuthenticator

    @ws_handler
    async def say(self, message: Say) -> Said:
        return Said(payload=message.payload)


class Test:
    """The same for both sides, which differ in the base class alone."""

    __test__ = False
    ws_path = "/talk/"
    router = URLRouter([path("talk/", Talker.as_asgi())])
    consumer = Talker
    auth_communicator: Any

    async def talk(self) -> None:
        communicator = self.auth_communicator
        await communicator.connect()
        await communicator.assert_authenticated_status_ok()
        await communicator.send_message(Say(payload="hello"))
        assert await communicator.receive_all_messages() == [Said(payload="hello")]


class Ours(Test, WebsocketTestCase):
    pass


class Theirs(Test, ChanxTestCase):
    pass


# What Chanx logs would be in the middle of the figures.
structlog.configure(
    wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL)
)


def measure(database: str, *, smoke: bool) -> None:
    count, rounds = (1, 1) if smoke else (10, 9)
    # Chanx's own side needs completions, or it waits for its whole timeout.
    with override_settings(CHANX={"SEND_COMPLETION": True}):
        compare(
            f"One test of a Chanx consumer, on {database}",
            [
                whole_tests("contrib.chanx", Ours, "talk", count),
                whole_tests("Chanx", Theirs, "talk", count, is_peer=True),
            ],
            rounds,
        )
