"""One operation on a connection: how it waits for messages and checks them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from channels_testkit.asgi.receive_failures import NOT_SAID
from channels_testkit.asgi.wire import expected_payload
from channels_testkit.matching import matches
from channels_testkit.matching.wording import say, shorten

from . import failures
from .results import GraphQLResult, errors_of, fit, in_words, is_result, messages

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from channels_testkit.asgi.application import Event

    from .connecting import InitialisingClient
    from .messages import Messages
    from .protocols import Protocol

__unittest = True

ERROR, COMPLETE = "error", "complete"
_STOPPED = "the test has stopped it"
#: Stands for data that nobody has said.
ANY: Any = object()
_NOT_EXPECTED = (
    "Read a result with next() or assert_next(), and expect an error with"
    " assert_error()."
)
_PARTIAL = (
    "It also has data: if a part of it failed, write assert_next({...}, errors=[...])."
)
_GOES_ON = "It runs until its resolver ends; to end it in the test, write stop()."
_READ_FIRST = "Read each result first, with next() or assert_next()."
_STRAYS = (
    "A message has come that belongs to no operation. Messages of this operation have"
    ' "id": "{}", a string.'
)
_EXECUTED = (
    "execute() is for queries and mutations, which have one result; for a subscription,"
    " write subscribe()."
)
_STILL_RUNS = (
    "The operation still runs on the server: it has to end, and to leave its groups,"
    " when it is stopped."
)


class Operation:
    """
    What runs on a connection under an ``id`` of its own.

    It takes the server's messages with that ``id`` one by one, and leaves the
    others.
    """

    def __init__(
        self,
        client: InitialisingClient,
        found: Messages,
        protocol: Protocol,
        number: str,
        name: str | None,
    ) -> None:
        #: The client on whose connection it runs.
        self.client = client
        #: The ``id`` of its messages.
        self.id = number
        #: Its name in the query, if it has one.
        self.name = name
        self._messages = found
        self._protocol = protocol
        self._run = client._run  # noqa: SLF001 - its own client
        self._end: str | None = None

    @property
    def label(self) -> str:
        """How failures call it."""
        name = f"operation {self.id}" if self.name is None else say(self.name)
        return shorten(f"{name} of {self.client.label}")

    def __repr__(self) -> str:
        return f"<Subscription {self.label}>"

    # How they wait.

    def _run_sync(self, work: Coroutine[Any, Any, Any], twin: str) -> Any:
        __tracebackhide__ = True
        return self._run.run_in_sync_test(work, f"sub.{twin}")

    async def _until(self, timeout: float | None) -> None:
        await self._messages.until(self._is_mine, self._seconds(timeout))

    def _look(self, timeout: float | None) -> None:
        """Come to rest; wait in a sync test for what has not come yet."""
        __tracebackhide__ = True
        self._run.ensure_rest()
        if not self._run.is_async and self._messages.find(self._is_mine) is None:
            self._run_sync(self._until(timeout), "anext")

    def _seconds(self, timeout: float | None) -> float:
        return self.client._driver.seconds(timeout)  # noqa: SLF001 - its own client

    def _is_mine(self, message: dict[str, Any]) -> bool:
        return message.get("id") == self.id

    async def _stop(self) -> None:
        """Stop it, where it runs; take the end that a server may confirm."""
        connection = self._messages.connection
        has_ended = self._messages.find(self._is_end) is not None
        if has_ended:
            self._end = self._end or "it has ended"
        if self._end is not None or not connection.is_open:
            return
        message = {"id": self.id, "type": self._protocol.stop}
        await self.client._driver.send_payload(message, "stop()")  # noqa: SLF001 - as above
        self._end = _STOPPED
        event = self._messages.find(self._is_end)
        if event is not None and self._type(event) == COMPLETE:
            self._messages.take(event)

    def _is_end(self, message: dict[str, Any]) -> bool:
        return self._is_mine(message) and message.get("type") in {ERROR, COMPLETE}

    def _type(self, event: Event) -> Any:
        return self._messages.message_of(event).get("type")

    # How they check.

    def _take(
        self,
        what: str,
        timeout: float | None,
        expected: Any = NOT_SAID,
        hint: str = failures.SUBSCRIBE_FIRST,
    ) -> tuple[Event, dict[str, Any]]:
        """Take the next message; fail where there is none."""
        event = self._messages.find(self._is_mine)
        if event is not None:
            return event, self._messages.take(event)
        connection, who = self._messages.connection, self.label
        if self._end is not None:
            raise AssertionError(
                f"No {what} of {who}: {self._end}.\n\n{connection.transcript}"
            )
        raise failures.nothing(
            connection,
            self._protocol,
            f"{what} of {self._short_name()}",
            None if self._run.is_async and timeout is None else self._seconds(timeout),
            expected=expected,
            call=self._waiting_call(what),
            hint=_STRAYS.format(self.id) if self._messages.has_strays() else hint,
        )

    def _short_name(self) -> str:
        return f"operation {self.id}" if self.name is None else say(self.name)

    def _waiting_call(self, what: str) -> str:
        if not self._run.is_async:
            return "give timeout=, or set receive_timeout on the test case."
        calls = {"result": "anext", "end": "aassert_complete", "error": "aassert_error"}
        return f"write 'await sub.{calls[what]}(timeout=...)'."

    def _take_result(
        self, what: str, timeout: float | None, expected: Any = NOT_SAID
    ) -> GraphQLResult:
        return self._result(what, timeout, expected)[1]

    def _result(
        self,
        what: str,
        timeout: float | None,
        expected: Any = NOT_SAID,
        hint: str = failures.SUBSCRIBE_FIRST,
    ) -> tuple[Event, GraphQLResult]:
        event, message = self._take(what, timeout, expected, hint)
        kind = message.get("type")
        payload = message.get("payload")
        if kind == self._protocol.result and is_result(payload):
            return event, GraphQLResult.of(payload)
        verdict, errors = f"{self.label} completed where a result was expected.", []
        if kind == self._protocol.result:
            verdict = (
                f"{self.label} sent a result that has neither data nor errors:"
                f" {say(payload)}."
            )
        elif kind == ERROR:
            self._end = "the server has answered with an error"
            errors = errors_of(payload)
            verdict = (
                f"{self.label} was answered with an error where a result was expected:"
                f" {in_words(errors)}."
            )
        elif kind == COMPLETE:
            self._end = "the server has completed it"
        else:
            verdict = f"{self.label} sent {say(kind)} where a result was expected."
        connection = self._messages.connection
        failure = failures.other_message(connection, event, verdict, expected=expected)
        raise failure from self._cause(errors)

    def _cause(self, errors: list[Any]) -> BaseException | None:
        """Return what a resolver raised, where that is known."""
        raised = self.client._logged_errors  # noqa: SLF001 - its own client
        return raised.behind(messages(errors))

    def _check_next(
        self, expected: Any, errors: Any, timeout: float | None, *, partial: bool
    ) -> GraphQLResult:
        __tracebackhide__ = True
        said = NOT_SAID if expected is ANY else expected
        event, result = self._result("result", timeout, said)
        connection = self._messages.connection
        if result.errors and errors is None:
            failure = failures.has_errors(connection, event, self.label, result)
            raise failure from self._cause(result.errors)
        if errors is not None and not fit(errors, result.errors):
            failure = failures.errors_differ(
                connection, event, self.label, errors, result.errors
            )
            raise failure from self._cause(result.errors)
        if expected is not ANY:
            wanted = expected_payload(self._run.wire, expected)
            if not matches(wanted, result.data, partial=partial):
                raise failures.data_differs(
                    connection, event, self.label, wanted, result.data, partial=partial
                )
        return result

    def _check_complete(
        self,
        timeout: float | None,
        *,
        goes_on: str = _GOES_ON,
        has_more: str = _READ_FIRST,
    ) -> None:
        """Take its end; the texts are the steps where there is none."""
        __tracebackhide__ = True
        event, message = self._take("end", timeout, hint=goes_on)
        kind = message.get("type")
        if kind == COMPLETE:
            self._end = "the server has completed it"
            return
        errors = []
        verdict = f"{self.label} has a result where its end was expected."
        if kind == ERROR:
            self._end = "the server has answered with an error"
            errors = errors_of(message.get("payload"))
            verdict = (
                f"{self.label} was answered with an error where its end was expected:"
                f" {in_words(errors)}."
            )
        failure = failures.other_message(
            self._messages.connection, event, verdict, step="" if errors else has_more
        )
        raise failure from self._cause(errors)

    def _check_error(self, expected: Any, timeout: float | None) -> list[Any]:
        __tracebackhide__ = True
        event, message = self._take("error", timeout, expected)
        connection, kind = self._messages.connection, message.get("type")
        payload = message.get("payload")
        if kind == ERROR:
            self._end = "the server has answered with an error"
            errors = errors_of(payload)
        else:
            result = GraphQLResult.of(payload)
            if kind == COMPLETE or not result.errors or _has_data(result.data):
                raise failures.other_message(
                    connection,
                    event,
                    f"{self.label} {_came(kind)} where an error was expected.",
                    expected=expected,
                    step=_PARTIAL if result.errors else "",
                )
            errors = result.errors
        if expected is not NOT_SAID and not fit(expected, errors):
            failure = failures.errors_differ(
                connection, event, self.label, expected, errors
            )
            raise failure from self._cause(errors)
        return errors

    def _check_nothing(self) -> None:
        __tracebackhide__ = True
        event = self._messages.find(self._is_mine)
        connection = self._messages.connection
        if event is None:
            if connection.state == "closed" and self._end in {None, _STOPPED}:
                raise failures.closed(connection, self._protocol, "nothing")
            return
        late = self._end == _STOPPED
        verdict = (
            f"{self.label} {_came(self._type(event))} after it was stopped."
            if late
            else f"{self.label} {_came(self._type(event))} where nothing was expected."
        )
        step = _STILL_RUNS if late else _NOT_EXPECTED
        raise failures.other_message(connection, event, verdict, step=step)

    async def _answered(
        self, timeout: float | None, *, assert_no_errors: bool
    ) -> GraphQLResult:
        """Return the one result of a query or a mutation."""
        __tracebackhide__ = True
        await self._until(timeout)
        event = self._messages.find(self._is_mine)
        if event is not None and self._type(event) == ERROR and not assert_no_errors:
            return GraphQLResult(None, self._check_error(NOT_SAID, timeout))
        event, result = self._result("result", timeout, hint=_EXECUTED)
        if assert_no_errors and result.errors:
            connection = self._messages.connection
            failure = failures.has_errors(
                connection, event, self.label, result, by_execute=True
            )
            raise failure from self._cause(result.errors)
        await self._until(timeout)
        self._check_complete(timeout, goes_on=_EXECUTED, has_more=_EXECUTED)
        return result


def _has_data(data: Any) -> bool:
    """Tell whether any field has a value."""
    if isinstance(data, dict):
        return any(value is not None for value in data.values())
    return data is not None


def _came(kind: object) -> str:
    if kind == ERROR:
        return "was answered with an error"
    return "completed" if kind == COMPLETE else "has a result"
