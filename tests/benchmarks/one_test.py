"""One test: connect, write a row in the consumer, answer, disconnect."""

from __future__ import annotations

from typing import Any
from unittest import mock

from channels.testing import WebsocketCommunicator
from django.test import TestCase, TransactionTestCase

from channels_testkit import WebsocketTestCase
from channels_testkit.timeline.recording import Recording

from .consumers import AsyncWriter, router
from .measuring import compare, whole_tests
from .models import Row

try:
    from chanx.channels.testing import WebsocketTestCase as ChanxTestCase
except ImportError:
    ChanxTestCase = TransactionTestCase
    HAS_CHANX = False
else:
    HAS_CHANX = True

CONTENT = {"text": "hello"}


class Ours(WebsocketTestCase):
    def sync_test_async_consumer(self) -> None:
        self.write("/async/")

    def sync_test_sync_consumer(self) -> None:
        self.write("/sync/")

    async def async_test_async_consumer(self) -> None:
        await self.awrite("/async/")

    async def async_test_sync_consumer(self) -> None:
        await self.awrite("/sync/")

    def empty_sync(self) -> None:
        """Do nothing."""

    async def empty_async(self) -> None:
        """Do nothing."""

    def write(self, path: str) -> None:
        client = self.connect(path)
        client.send_json(CONTENT)
        assert "id" in client.receive_json()
        client.disconnect()

    async def awrite(self, path: str) -> None:
        communicator = await self.aconnect(path)
        await communicator.send_json_to(CONTENT)
        assert "id" in await communicator.receive_json_from()
        await communicator.disconnect()


class Unrecorded(Ours):
    """Has no timeline."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        nothing = {"__enter__": lambda *_: None, "__exit__": lambda *_: None}
        patcher = mock.patch.multiple(Recording, **nothing)
        patcher.start()
        cls.addClassCleanup(patcher.stop)


async def write(communicator: Any) -> None:
    connected, _ = await communicator.connect()
    assert connected
    await communicator.send_json_to(CONTENT)
    assert "id" in await communicator.receive_json_from()
    await communicator.disconnect()


class Channels(TransactionTestCase):
    async def async_consumer(self) -> None:
        await write(WebsocketCommunicator(router, "/async/"))

    async def sync_consumer(self) -> None:
        await write(WebsocketCommunicator(router, "/sync/"))


class Chanx(ChanxTestCase):
    ws_path = "/async/"
    router = router
    consumer = AsyncWriter

    async def async_consumer(self) -> None:
        await write(self.create_communicator())


class Django(TestCase):
    def row_alone(self) -> None:
        assert Row.objects.create(**CONTENT).pk

    def empty_sync(self) -> None:
        """Do nothing."""

    async def empty_async(self) -> None:
        """Do nothing."""


def measure(database: str, *, smoke: bool) -> None:
    count, rounds = (1, 1) if smoke else (10, 15)
    ours = [method for method in vars(Ours) if "_test_" in method]
    peers = [
        ("channels.testing, async consumer", Channels, "async_consumer"),
        ("channels.testing, sync consumer", Channels, "sync_consumer"),
        ("Chanx, async consumer", Chanx, "async_consumer"),
    ]
    compare(
        f"One test that writes a row, on {database}",
        [
            *(whole_tests(m.replace("_", " "), Ours, m, count) for m in ours),
            whole_tests("sync, no timeline", Unrecorded, ours[0], count),
            whole_tests("Django's TestCase, the row alone", Django, "row_alone", count),
            *(
                whole_tests(*peer, count, is_peer=True)
                for peer in (peers if HAS_CHANX else peers[:2])
            ),
        ],
        rounds,
    )
    many = count * 10
    compare(
        f"An empty test, on {database}",
        [
            whole_tests("sync test", Ours, "empty_sync", many),
            whole_tests("async test", Ours, "empty_async", many),
            whole_tests("Django's, sync", Django, "empty_sync", many, is_peer=True),
            whole_tests("Django's, async", Django, "empty_async", many, is_peer=True),
        ],
        rounds,
    )
