"""``GraphQLClient`` and ``Subscription``: operations, begun and asserted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from channels_testkit.asgi.silence import NOT_SAID
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
    the rest of what a ``WSClient`` does is there as well. Pings are answered
    at once.

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

        Connects and sends ``connection_init`` where that has not been done,
        and fails where one of these is refused. What the server answers to the
        operation itself is for the subscription to assert.
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

        Fails where the result has errors, unless ``assert_no_errors`` is
        false, and where none comes within ``timeout`` seconds. Connects as
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

    It takes the server's messages one by one, in their order; those of other
    operations on the same connection are left for these. In an async test the
    assertions judge what has come, and their twins whose names begin with
    ``a`` wait. A ``with`` block stops it at the end.
    """

    client: GraphQLClient

    #: How failures call it.
    _name_in_tests = "sub"

    # Results.

    @takes_seconds
    def next(self, *, timeout: float | None = None) -> GraphQLResult:
        """
        Take the next result, with its data and its errors.

        It judges neither. Fails where the server sends no result within
        ``timeout`` seconds, answers by an error, completes, or closes.
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
        Assert what the next result is; return it.

        ``expected`` is its data. With ``errors`` it has these as well, and
        otherwise none: a text or a regular expression for all of a message, a
        dict with some keys, or a list of these. Fails as ``next()``, too.

        Example::

            sub = self.subscribe("subscription { count(to: 1) }")
            sub.assert_next({"count": 1})
        """
        __tracebackhide__ = True
        self._look(timeout)
        return self._judge_next(expected, errors, timeout, partial=partial)

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
        return self._judge_next(expected, errors, seconds, partial=partial)

    # The end.

    @takes_seconds
    def assert_complete(self, *, timeout: float | None = None) -> None:
        """
        Assert that the server has completed it, and no result is unread.

        Fails where the server goes on, answers by an error, or closes.
        """
        __tracebackhide__ = True
        self._look(timeout)
        self._judge_complete(timeout)

    @kit_coroutine
    async def aassert_complete(self, *, timeout: float | None = None) -> None:
        """Wait for its end: see ``assert_complete()``."""
        __tracebackhide__ = True
        await self._until(timeout)
        self._judge_complete(self._seconds(timeout))

    @takes_seconds
    def assert_error(
        self, expected: Any = NOT_SAID, *, timeout: float | None = None
    ) -> list[Any]:
        """
        Assert that the server answers by errors, and no data; return them.

        By an ``error`` message, as to a query that is not valid, or by a
        result without data. ``expected`` is a text or a regular expression for
        all of a message, a dict with some keys of an error, or a list of these
        where there are several.
        """
        __tracebackhide__ = True
        self._look(timeout)
        return self._judge_error(expected, timeout)

    @kit_coroutine
    async def aassert_error(
        self, expected: Any = NOT_SAID, *, timeout: float | None = None
    ) -> list[Any]:
        """Wait for its errors: see ``assert_error()``."""
        __tracebackhide__ = True
        await self._until(timeout)
        return self._judge_error(expected, self._seconds(timeout))

    @takes_seconds
    def assert_nothing(self, *, within: float = 0) -> None:
        """
        Assert that nothing has come that was not read.

        Neither a result, an error nor an end, also after ``stop()``. Fails as
        well where the server has closed the connection before the end. It
        judges now; with ``within`` a sync test waits for the timers that are
        due within so many seconds.
        """
        __tracebackhide__ = True
        if within:
            self._run_sync(self._until(within), "aassert_nothing")
        self._run.ensure_rest()
        self._judge_nothing()

    @kit_coroutine
    async def aassert_nothing(self, *, within: float = 0) -> None:
        """Assert that nothing comes: see ``assert_nothing()``."""
        __tracebackhide__ = True
        await self._until(within)
        self._judge_nothing()

    def stop(self) -> None:
        """
        Tell the server that nobody listens any more.

        What came before can still be read; what comes later is a fault, which
        ``assert_nothing()`` finds. Where it has ended, nothing is sent.
        """
        __tracebackhide__ = True
        self._run_sync(self._stop(), "astop")

    @kit_coroutine
    async def astop(self) -> None:
        """Tell the server that nobody listens any more: see ``stop()``."""
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
