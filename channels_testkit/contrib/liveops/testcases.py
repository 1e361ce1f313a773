"""Test cases for operations of django-liveops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.test import TestCase

from channels_testkit.layers.aliases import DEFAULT
from channels_testkit.running.arguments import (
    TEXT,
    ArgumentKind,
    check_arguments,
    has_attribute,
)
from channels_testkit.running.kit_calls import kit_opening
from channels_testkit.testcases.classes import WebsocketTestMixin
from channels_testkit.websocket.handshake_failures import refused
from channels_testkit.websocket.subjects import driver_of

from .client import RESULT, LiveOpClient
from .fragments import Shows
from .operation_page import NOTIFICATIONS_PATH

if TYPE_CHECKING:
    from liveops.models import LiveOperation
    from typing_extensions import Unpack

    from channels_testkit.websocket.options import AnyUser, OtherOptions

    from .fragments import Wanted

__unittest = True

OPERATION = ArgumentKind(
    "an operation of liveops", lambda value: has_attribute(value, "get_channel_name")
)


class LiveOpsTestMixin(WebsocketTestMixin):
    """
    What ``LiveOpsTestCase`` adds to a Django test case.

    ``ws_path`` is where the project has liveops' consumer.
    """

    ws_path = NOTIFICATIONS_PATH

    def watch(
        self,
        operation: LiveOperation,
        *,
        user: AnyUser | None = None,
        token: str | None = None,
        **options: Unpack[OtherOptions],
    ) -> LiveOpClient:
        """
        Return a client that has the page of an operation open.

        As its owner, unless ``user`` says otherwise. Fails if the connection
        is denied; to test that, connect a ``LiveOpClient`` of your own.
        """
        __tracebackhide__ = True
        self._kit.refuse_in_async_test("self.awatch")
        client = self._watcher(operation, user=user, token=token, **options)
        client.connect()
        return _let_in(client)

    @kit_opening
    async def awatch(
        self,
        operation: LiveOperation,
        *,
        user: AnyUser | None = None,
        token: str | None = None,
        **options: Unpack[OtherOptions],
    ) -> LiveOpClient:
        """Return a client that has the page of an operation open."""
        __tracebackhide__ = True
        if user is None:
            user = await sync_to_async(getattr)(operation, "owner")
        client = self._watcher(operation, user=user, token=token, **options)
        await client.aconnect()
        return _let_in(client)

    def watch_list(
        self, user: AnyUser, **options: Unpack[OtherOptions]
    ) -> LiveOpClient:
        """Return a client that has the list of a user's operations open."""
        __tracebackhide__ = True
        self._kit.refuse_in_async_test("self.awatch_list")
        client = self._watcher(None, user=user, **options)
        client.connect()
        return _let_in(client)

    @kit_opening
    async def awatch_list(
        self, user: AnyUser, **options: Unpack[OtherOptions]
    ) -> LiveOpClient:
        """Return a client that has the list of a user's operations open."""
        __tracebackhide__ = True
        client = self._watcher(None, user=user, **options)
        await client.aconnect()
        return _let_in(client)

    def _watcher(self, operation: LiveOperation | None, **options: Any) -> LiveOpClient:
        return LiveOpClient(operation, **{"path": self.ws_path, **options})

    def assertPushed(
        self,
        operation: LiveOperation,
        region: str,
        contains: Wanted = None,
        *,
        count: int | None = None,
        alias: str = DEFAULT,
        msg: object = None,
    ) -> Any:
        """
        Assert that a region was pushed to the group of an operation.

        No client has to watch it. Without ``count``, at least once; the first
        message is returned. With it, exactly so often; a list is returned.
        """
        __tracebackhide__ = True
        arguments = (OPERATION, operation), (TEXT, region)
        check_arguments(self, "assertPushed", "operation, region", *arguments)
        expected = {"liveop_html": Shows(region, contains)}
        group = operation.get_channel_name()
        return self.assertGroupSent(
            group, expected, count=count, partial=True, alias=alias, msg=msg
        )

    def assertPushedAfterCommit(
        self,
        operation: LiveOperation,
        region: str = RESULT,
        contains: Wanted = None,
        *,
        count: int | None = None,
        alias: str = DEFAULT,
        msg: object = None,
    ) -> Any:
        """
        Assert that a region was pushed, and never inside an atomic block.

        As ``assertPushed()``.
        """
        __tracebackhide__ = True
        call, names = "assertPushedAfterCommit", "operation, region"
        check_arguments(self, call, names, (OPERATION, operation), (TEXT, region))
        expected = {"liveop_html": Shows(region, contains)}
        group = operation.get_channel_name()
        return self.assertGroupSentAfterCommit(
            group, expected, count=count, partial=True, alias=alias, msg=msg
        )


class LiveOpsTestCase(LiveOpsTestMixin, TestCase):
    """``WebsocketTestCase`` for operations of django-liveops."""


def _let_in(client: LiveOpClient) -> LiveOpClient:
    """Fail if the connection was denied."""
    connection = driver_of(client).connected("connect()")
    if connection.is_open:
        return client
    if connection.handshake is None or not connection.handshake.accepted:
        raise refused(connection)
    raise AssertionError(
        f"{client.label} was accepted and then closed: liveops does not accept its"
        " subscription token.\n\n"
        "To test the refusal itself, connect a LiveOpClient, and use"
        f" assert_denied().\n\n{connection.transcript}"
    )
