"""Test cases for GraphQL subscriptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.test import AsyncClient, Client, TestCase

from channels_testkit.matching.wording import say
from channels_testkit.running.kit_calls import kit_coroutine, kit_opening
from channels_testkit.running.seconds import takes_seconds
from channels_testkit.testcases.classes import WebsocketTestMixin

from .client import GraphQLClient, Subscription
from .protocols import TRANSPORT_WS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Unpack

    from channels_testkit.websocket.options import AnyUser, OptionsBesidesLogin

    from .results import GraphQLResult

    AnyClient = GraphQLClient | Client | AsyncClient

__unittest = True


class GraphQLTestMixin(WebsocketTestMixin):
    """
    What ``GraphQLTestCase`` adds to a Django test case.

    ``subscribe()``, ``execute()`` and their twins open a connection of their
    own, with the options of ``self.connect()``. To use the connection of a
    ``GraphQLClient``, such as ``sub.client``, give it as ``client=``. A Django
    test client there sends its cookies.
    """

    #: Where the project has its GraphQL consumer.
    ws_path = "/graphql/"
    #: ``"graphql-transport-ws"``, or ``"graphql-ws"`` for the older protocol.
    graphql_protocol: str = TRANSPORT_WS.name
    #: The payload of ``connection_init``.
    connection_params: Mapping[str, Any] | None = None

    def create_graphql_client(
        self,
        path: str | None = None,
        *,
        protocol: str | None = None,
        connection_params: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> GraphQLClient:
        """
        Return a client that is not connected, with the class's defaults.

        Its first operation connects it. The options are those of
        ``self.connect()``.
        """
        if connection_params is None:
            connection_params = self.connection_params
        return GraphQLClient(
            self._path(path, options),
            protocol=protocol or self.graphql_protocol,
            connection_params=connection_params,
            **options,
        )

    def subscribe(
        self,
        query: str,
        /,
        variables: Mapping[str, Any] | None = None,
        *,
        operation_name: str | None = None,
        client: AnyClient | None = None,
        user: AnyUser | None = None,
        path: str | None = None,
        protocol: str | None = None,
        connection_params: Mapping[str, Any] | None = None,
        **options: Unpack[OptionsBesidesLogin],
    ) -> Subscription:
        """
        Begin an operation; return its ``Subscription``.

        Fails if the server refuses the handshake, the protocol or
        ``connection_init``. To assert what it answers to the operation, use
        the subscription.

        Example::

            sub = self.subscribe("subscription { count(to: 1) }")
            sub.assert_next({"count": 1})
            sub.assert_complete()
        """
        __tracebackhide__ = True
        self._kit.refuse_in_async_test("self.asubscribe")
        found, _ = self._graphql_client(
            "subscribe", client, user, path, protocol, connection_params, options
        )
        return found.subscribe(query, variables, operation_name=operation_name)

    @kit_opening
    async def asubscribe(
        self,
        query: str,
        /,
        variables: Mapping[str, Any] | None = None,
        *,
        operation_name: str | None = None,
        client: AnyClient | None = None,
        user: AnyUser | None = None,
        path: str | None = None,
        protocol: str | None = None,
        connection_params: Mapping[str, Any] | None = None,
        **options: Unpack[OptionsBesidesLogin],
    ) -> Subscription:
        """
        Begin an operation: see ``subscribe()``.

        ``async with`` on the call stops it at the end of the block.
        """
        __tracebackhide__ = True
        found, _ = self._graphql_client(
            "asubscribe", client, user, path, protocol, connection_params, options
        )
        return await found.asubscribe(query, variables, operation_name=operation_name)

    @takes_seconds
    def execute(
        self,
        query: str,
        /,
        variables: Mapping[str, Any] | None = None,
        *,
        operation_name: str | None = None,
        client: AnyClient | None = None,
        user: AnyUser | None = None,
        path: str | None = None,
        protocol: str | None = None,
        connection_params: Mapping[str, Any] | None = None,
        assert_no_errors: bool = True,
        timeout: float | None = None,
        **options: Unpack[OptionsBesidesLogin],
    ) -> GraphQLResult:
        """
        Run a query or a mutation over a WebSocket; return its result.

        Fails where the result has errors, unless ``assert_no_errors`` is
        false. A connection of its own is closed afterwards.

        Example::

            result = self.execute("query { me }")
            self.assertEqual(result.data, {"me": "AnonymousUser"})
        """
        __tracebackhide__ = True
        self._kit.refuse_in_async_test("self.aexecute")
        found, is_given = self._graphql_client(
            "execute", client, user, path, protocol, connection_params, options
        )
        result = found.execute(
            query,
            variables,
            operation_name=operation_name,
            assert_no_errors=assert_no_errors,
            timeout=timeout,
        )
        if not is_given:
            found.disconnect()
        return result

    @kit_coroutine
    async def aexecute(
        self,
        query: str,
        /,
        variables: Mapping[str, Any] | None = None,
        *,
        operation_name: str | None = None,
        client: AnyClient | None = None,
        user: AnyUser | None = None,
        path: str | None = None,
        protocol: str | None = None,
        connection_params: Mapping[str, Any] | None = None,
        assert_no_errors: bool = True,
        timeout: float | None = None,
        **options: Unpack[OptionsBesidesLogin],
    ) -> GraphQLResult:
        """Run a query or a mutation over a WebSocket: see ``execute()``."""
        __tracebackhide__ = True
        found, is_given = self._graphql_client(
            "aexecute", client, user, path, protocol, connection_params, options
        )
        result = await found.aexecute(
            query,
            variables,
            operation_name=operation_name,
            assert_no_errors=assert_no_errors,
            timeout=timeout,
        )
        if not is_given:
            await found.adisconnect()
        return result

    def _graphql_client(
        self,
        call: str,
        client: Any,
        user: Any,
        path: str | None,
        protocol: str | None,
        connection_params: Mapping[str, Any] | None,
        options: Mapping[str, Any],
    ) -> tuple[GraphQLClient, bool]:
        """Return the client of an operation, and whether the test gave it."""
        if client is None or isinstance(client, (Client, AsyncClient)):
            login = {"user": user, "client": client}
            given = {name: value for name, value in login.items() if value is not None}
            made = self.create_graphql_client(
                path,
                protocol=protocol,
                connection_params=connection_params,
                **{**options, **given},
            )
            return made, False
        _check_client(call, client)
        also = {
            "user": user,
            "path": path,
            "protocol": protocol,
            "connection_params": connection_params,
            **options,
        }
        for name, value in also.items():
            if value is not None:
                raise TypeError(
                    f"{call}(client=..., {name}=...): the client has a connection, or"
                    f" options for it. Give {name}= where it is made, or leave client="
                    " out."
                )
        return client, True


class GraphQLTestCase(GraphQLTestMixin, TestCase):
    """``WebsocketTestCase`` for GraphQL subscriptions."""


def _check_client(call: str, client: object) -> None:
    """Raise ``TypeError`` for what has no operations."""
    if isinstance(client, GraphQLClient):
        return
    step = "create_graphql_client() makes one."
    if isinstance(client, Subscription):
        step = "Write client=sub.client."
    raise TypeError(f"{call}(client=...) is a GraphQLClient, not {say(client)}. {step}")
