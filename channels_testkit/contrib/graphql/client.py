"""``GraphQLClient`` and ``Subscription``: operations, begun and asserted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from channels_testkit.asgi.receive_failures import NOT_SAID
from channels_testkit.matching.wording import say
from channels_testkit.running.kit_calls import kit_coroutine, kit_opening
from channels_testkit.running.seconds import takes_seconds

from . import failures
from .connecting import InitialisingClient
from .operations import ANY, Operation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self

    from .results import GraphQLResult

__unittest = True

_NAME = re.compile(r"(?:\A|\})\s*(?:subscription|query|mutation)\s+(\w+)")


class GraphQLClient(InitialisingClient):
    """
    A client of GraphQL: any number of operations on one connection.

    ``protocol`` is ``"graphql-transport-ws"`` or ``"graphql-ws"``;
    ``connection_params`` is the payload of ``connection_init``. The other
    options are those of ``self.connect()``. The first ``subscribe()`` or
    ``execute()`` connects and initialises; ``connect()`` only connects, and
    it has all other methods of a ``WSClient``. It answers pings at once.

    Example::

        ann = GraphQLClient("/graphql/")
        sub = ann.subscribe("subscription { count(to: 1) }")
        sub.assert_next({"count": 1})
        sub.assert_complete()
    """

    @kit_opening
    async def asubscribe(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        *,
        operation_name: str | None = None,
        extensions: Mapping[str, Any] | None = None,
    ) -> Subscription:
        """Begin an operation: see ``subscribe()``."""
        __tracebackhide__ = True
        return await self._begin(query, variables, operation_name, extensions)

    def subscribe(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        *,
        operation_name: str | None = None,
        extensions: Mapping[str, Any] | None = None,
    ) -> Subscription:
        """
        Begin an operation; return its ``Subscription``.

        First it connects and sends ``connection_init``, if that has not been
        done, and fails if the server refuses one of these. To assert what the
        server answers to the operation, use the subscription.
        """
        __tracebackhide__ = True
        self._ask_test()
        work = self._begin(query, variables, operation_name, extensions)
        return self._run_sync(work, "asubscribe")

    async def _begin(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        operation_name: str | None = None,
        extensions: Mapping[str, Any] | None = None,
    ) -> Subscription:
        _check_operation(query, variables)
        found = await self._ready()
        if found.connection.state == "closed":
            raise failures.closed(found.connection, self._protocol, "an operation")
        number = str(next(self._ids))
        payload: dict[str, Any] = {"query": query}
        given = {
            "variables": variables,
            "operationName": operation_name,
            "extensions": extensions,
        }
        payload |= {key: value for key, value in given.items() if value is not None}
        subscription = Subscription(
            self, found, self._protocol, number, operation_name or _name_in(query)
        )
        message = {"id": number, "type": self._protocol.start, "payload": payload}
        await self._driver.send_payload(message, "subscribe()")
        return subscription

    @kit_coroutine
    async def aexecute(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        *,
        operation_name: str | None = None,
        extensions: Mapping[str, Any] | None = None,
        assert_no_errors: bool = True,
        timeout: float | None = None,
    ) -> GraphQLResult:
        """
        Run a query or a mutation over the socket; return its result.

        Fails if the result has errors, unless ``assert_no_errors`` is false,
        and if none comes within ``timeout`` seconds. Connects as
        ``subscribe()`` does.
        """
        __tracebackhide__ = True
        asked = query, variables, operation_name, extensions
        return await self._execute(*asked, timeout, assert_no_errors)

    @takes_seconds
    def execute(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        *,
        operation_name: str | None = None,
        extensions: Mapping[str, Any] | None = None,
        assert_no_errors: bool = True,
        timeout: float | None = None,
    ) -> GraphQLResult:
        """Run a query or a mutation: see ``aexecute()``."""
        __tracebackhide__ = True
        self._ask_test()
        asked = query, variables, operation_name, extensions
        work = self._execute(*asked, timeout, assert_no_errors)
        return self._run_sync(work, "aexecute")

    async def _execute(
        self,
        query: str,
        variables: Mapping[str, Any] | None,
        operation_name: str | None,
        extensions: Mapping[str, Any] | None,
        timeout: float | None,
        assert_no_errors: bool,
    ) -> GraphQLResult:
        __tracebackhide__ = True
        operation = await self._begin(query, variables, operation_name, extensions)
        return await operation._answered(  # noqa: SLF001 - its own
            timeout, assert_no_errors=assert_no_errors
        )


class Subscription(Operation):
    """
    An operation that runs on a connection.

    It takes the server's messages one by one, in order, and leaves those of
    other operations on the same connection. In an async test the assertions
    check what has come, and their twins whose names begin with ``a`` wait. A
    ``with`` block stops it at the end.
    """

    client: GraphQLClient

    #: How failures call it.
    _name_in_tests = "sub"

    # Results.

    @takes_seconds
    def next(self, *, timeout: float | None = None) -> GraphQLResult:
        """
        Take the next result, with its data and its errors.

        It checks neither. Fails if the server sends no result within
        ``timeout`` seconds, answers with an error, completes, or closes.
        """
        __tracebackhide__ = True
        self._run_sync(self._until(timeout), "anext")
        return self._take_result("result", timeout)

    @kit_coroutine
    async def anext(self, *, timeout: float | None = None) -> GraphQLResult:
        """Take the next result: see ``next()``."""
        __tracebackhide__ = True
        await self._until(timeout)
        return self._take_result("result", self._seconds(timeout))

    @takes_seconds
    def assert_next(
        self,
        expected: Any = ANY,
        *,
        errors: Any = None,
        partial: bool = False,
        timeout: float | None = None,
    ) -> GraphQLResult:
        """
        Assert that the next result is as expected; return it.

        ``expected`` is its data. ``errors`` are its errors; without them it
        must have none. An error is a text or a regular expression for the
        whole message, or a dict with some keys; several are a list of these.
        Fails as ``next()``, too.

        Example::

            sub = self.subscribe("subscription { count(to: 1) }")
            sub.assert_next({"count": 1})
        """
        __tracebackhide__ = True
        self._look(timeout)
        return self._check_next(expected, errors, timeout, partial=partial)

    @kit_coroutine
    async def aassert_next(
        self,
        expected: Any = ANY,
        *,
        errors: Any = None,
        partial: bool = False,
        timeout: float | None = None,
    ) -> GraphQLResult:
        """Wait for the next result, and assert it: see ``assert_next()``."""
        __tracebackhide__ = True
        await self._until(timeout)
        seconds = self._seconds(timeout)
        return self._check_next(expected, errors, seconds, partial=partial)

    # The end.

    @takes_seconds
    def assert_complete(self, *, timeout: float | None = None) -> None:
        """
        Assert that the server has completed it, and no result is unread.

        Fails if the server goes on, answers with an error, or closes.
        """
        __tracebackhide__ = True
        self._look(timeout)
        self._check_complete(timeout)

    @kit_coroutine
    async def aassert_complete(self, *, timeout: float | None = None) -> None:
        """Wait for its end: see ``assert_complete()``."""
        __tracebackhide__ = True
        await self._until(timeout)
        self._check_complete(self._seconds(timeout))

    @takes_seconds
    def assert_error(
        self, expected: Any = NOT_SAID, *, timeout: float | None = None
    ) -> list[Any]:
        """
        Assert that the server answers with errors and no data; return them.

        That is an ``error`` message, as for a query that is not valid, or a
        result without data. ``expected`` is a text or a regular expression for
        the whole message, or a dict with some keys of an error; several are a
        list of these.
        """
        __tracebackhide__ = True
        self._look(timeout)
        return self._check_error(expected, timeout)

    @kit_coroutine
    async def aassert_error(
        self, expected: Any = NOT_SAID, *, timeout: float | None = None
    ) -> list[Any]:
        """Wait for its errors: see ``assert_error()``."""
        __tracebackhide__ = True
        await self._until(timeout)
        return self._check_error(expected, self._seconds(timeout))

    @takes_seconds
    def assert_nothing(self, *, within: float = 0) -> None:
        """
        Assert that there is nothing unread: no result, no error and no end.

        Works also after ``stop()``. Fails too if the server has closed the
        connection before the end. It does not wait; with ``within``, a sync
        test waits for the timers that are due within so many seconds.
        """
        __tracebackhide__ = True
        if within:
            self._run_sync(self._until(within), "aassert_nothing")
        self._run.ensure_rest()
        self._check_nothing()

    @kit_coroutine
    async def aassert_nothing(self, *, within: float = 0) -> None:
        """Assert that nothing comes: see ``assert_nothing()``."""
        __tracebackhide__ = True
        await self._until(within)
        self._check_nothing()

    def stop(self) -> None:
        """
        Tell the server to stop the operation.

        What came before can still be read. What comes later is a fault of the
        server, which ``assert_nothing()`` finds. If the operation has ended,
        nothing is sent.
        """
        __tracebackhide__ = True
        self._run_sync(self._stop(), "astop")

    @kit_coroutine
    async def astop(self) -> None:
        """Tell the server to stop the operation: see ``stop()``."""
        await self._stop()

    def __enter__(self) -> Self:
        if self._run.is_async:
            raise RuntimeError("A sync block in an async test: write 'async with sub'.")
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._stop()


def _check_operation(query: object, variables: object) -> None:
    if not isinstance(query, str):
        raise TypeError(f"A query is the text of an operation, not {say(query)}.")
    if not query.strip():
        raise ValueError("A query is the text of an operation, and this one is empty.")
    if variables is not None and not hasattr(variables, "keys"):
        raise TypeError(f"variables are a dict, not {say(variables)}.")


def _name_in(query: str) -> str | None:
    """Return the name of the first operation in a query, where it has one."""
    found = _NAME.search(re.sub("#.*", "", query))
    return found.group(1) if found else None
