"""Assertions about WebSocket connections."""

from __future__ import annotations

import json
from difflib import ndiff
from typing import TYPE_CHECKING, Any

from . import refusals
from .assertions import LayerAssertions, with_message
from .communicator import WebsocketCommunicator
from .connection import is_frame, payload_of
from .engine.transcript import describe_payload, shorten
from .matching import first_difference, matches
from .wire import expected_payload
from .wsclient import WSClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .connection import Connection
    from .engine.application import Event

__unittest = True


class WebsocketAssertions(LayerAssertions):
    """
    Assertions that take a client or a communicator.

    In a sync test those about frames may wait as a receive does; in an async
    test they judge what has arrived.
    """

    wire: Any
    receive_timeout: float

    # The handshake.

    def assertAccepted(
        self, connection: Any, *, subprotocol: str | None = None, msg: object = None
    ) -> None:
        """Assert that the handshake was accepted, and with which subprotocol."""
        __tracebackhide__ = True
        found = self._handshaken(connection)
        handshake = found.handshake
        if handshake is None or not handshake.accepted:
            self.fail(with_message(str(refusals.refused(found)), msg))
        elif subprotocol is not None and handshake.subprotocol != subprotocol:
            text = (
                f"{found.label} was accepted with subprotocol"
                f" {handshake.subprotocol!r}, not {subprotocol!r}.\n\n{found.transcript}"
            )
            self.fail(with_message(text, msg))

    def assertRejected(
        self,
        connection: Any,
        *,
        code: int | None = None,
        reason: str | None = None,
        status: int | None = None,
        msg: object = None,
    ) -> None:
        """
        Assert that the handshake was refused, and how.

        ``status`` is that of a denial response; a rejection by close code is
        an HTTP 403 to a browser, which never sees the code.
        """
        __tracebackhide__ = True
        found = self._handshaken(connection)
        text = refusals.not_rejected(found, code, reason, status)
        if text is not None:
            self.fail(with_message(text, msg))

    def _handshaken(self, connection: Any) -> Connection:
        found = self._connection(connection)
        if found.handshake is None:
            raise found.nothing_came("answer to the handshake", self.receive_timeout)
        return found

    # Frames.

    def assertReceivesJson(
        self,
        connection: Any,
        expected: object,
        *,
        partial: bool = False,
        timeout: float | None = None,
        msg: object = None,
    ) -> Any:
        """
        Assert that the next frame is JSON equal to ``expected``; return it.

        Exactly one frame is taken off the connection. Fails when another
        frame is next, when the application has closed the connection, or when
        it is at rest and nothing has arrived.

        Example::

            ann = self.connect("/ws/echo/")
            ann.send_json({"type": "ping"})
            self.assertReceivesJson(ann, {"type": "ping"})
        """
        __tracebackhide__ = True
        found, event = self._next_frame(connection, "JSON frame", expected, timeout)
        payload = refusals.take_json(found, self.wire)
        wanted = expected_payload(self.wire, expected)
        if matches(wanted, payload, partial=partial):
            return payload
        text = _json_differs(found, event, wanted, payload, partial=partial)
        self.fail(with_message(text, msg))
        return None

    def assertReceivesText(
        self,
        connection: Any,
        expected: object,
        *,
        timeout: float | None = None,
        msg: object = None,
    ) -> Any:
        """Assert that the next frame is this text; return it."""
        __tracebackhide__ = True
        return self._assert_frame(
            connection, expected, "text frame", refusals.take_text, timeout, msg
        )

    def assertReceivesBytes(
        self,
        connection: Any,
        expected: object,
        *,
        timeout: float | None = None,
        msg: object = None,
    ) -> Any:
        """Assert that the next frame is binary, with these bytes; return them."""
        __tracebackhide__ = True
        return self._assert_frame(
            connection, expected, "binary frame", refusals.take_bytes, timeout, msg
        )

    def _assert_frame(
        self,
        connection: Any,
        expected: object,
        what: str,
        take: Callable[[Connection], object],
        timeout: float | None,
        msg: object,
    ) -> object:
        __tracebackhide__ = True
        found, event = self._next_frame(connection, what, expected, timeout)
        payload = take(found)
        difference = first_difference(expected, payload)
        if difference is not None:
            text = (
                f"The {what} from {found.label} differs: expected"
                f" {difference.expected}, received {difference.actual}.\n\n"
                f"{found.transcript.render(event)}"
            )
            self.fail(with_message(text, msg))
        return payload

    def assertReceivesNothing(
        self, connection: Any, *, within: float = 0, msg: object = None
    ) -> None:
        """
        Assert that no frame has come that was not read.

        At rest that is a proof. ``within`` waits, in a sync test, for timers of
        the application that are due in so many seconds; an async test has
        ``aassertReceivesNothing()`` for it.
        """
        __tracebackhide__ = True
        if within:
            self._kit.refuse_in_async_test("self.aassertReceivesNothing")
            work = _communicator(connection).await_silence(within)
            self._kit.drive(work, "self.aassertReceivesNothing")
        self._assert_silent(connection, msg)

    async def aassertReceivesNothing(
        self, connection: Any, *, within: float = 0, msg: object = None
    ) -> None:
        """Assert that no frame comes within so many seconds, in an async test."""
        __tracebackhide__ = True
        await _communicator(connection).await_silence(within)
        self._assert_silent(connection, msg)

    def _assert_silent(self, connection: Any, msg: object) -> None:
        __tracebackhide__ = True
        found = self._connection(connection)
        event = next(filter(is_frame, found.unread), None)
        if event is not None:
            kind = "text" if isinstance(payload_of(event), str) else "binary"
            text = (
                f"{found.label} received a {kind} frame where none was expected.\n\n"
                f"{found.transcript.render(event)}"
            )
            self.fail(with_message(text, msg))
        if found.error is not None:
            self.fail(with_message(refusals.is_dead(found), msg))

    def assertAllReceive(
        self,
        connections: Iterable[Any],
        expected: object,
        *,
        partial: bool = False,
        timeout: float | None = None,
        msg: object = None,
    ) -> list[Any]:
        """Assert that the next frame of each is ``expected``; return them."""
        __tracebackhide__ = True
        return [
            self.assertReceivesJson(
                connection, expected, partial=partial, timeout=timeout, msg=msg
            )
            for connection in connections
        ]

    def assertOnlyReceive(
        self,
        connections: Iterable[Any],
        expected: object,
        *,
        partial: bool = False,
        timeout: float | None = None,
        msg: object = None,
    ) -> list[Any]:
        """
        Assert that each receives ``expected``, and nobody else in this test.

        Fails when another open connection has an unread frame that matches.
        """
        __tracebackhide__ = True
        receivers = list(connections)
        received = self.assertAllReceive(
            receivers, expected, partial=partial, timeout=timeout, msg=msg
        )
        chosen = {id(_communicator(receiver)) for receiver in receivers}
        wanted = expected_payload(self.wire, expected)
        for other in self._kit.communicators:
            if id(other) not in chosen and other.connection is not None:
                self._refuse_match(other.connection, wanted, partial, msg)
        return received

    def _refuse_match(
        self, other: Connection, wanted: object, partial: bool, msg: object  # noqa: FBT001
    ) -> None:
        __tracebackhide__ = True
        for event in filter(is_frame, other.unread):
            try:
                payload = self.wire.decode_frame(payload_of(event))
            except ValueError:
                continue
            if matches(wanted, payload, partial=partial):
                text = (
                    f"{other.label} received what only others should have.\n\n"
                    f"{other.transcript.render(event)}"
                )
                self.fail(with_message(text, msg))

    def _next_frame(
        self, connection: Any, what: str, expected: object, timeout: float | None
    ) -> tuple[Connection, Event]:
        __tracebackhide__ = True
        found = self._connection(connection)
        if not found.unread:
            self._wait_for_frame(found, connection, what, expected, timeout)
        else:
            refusals.check_frame_is_next(found, what, self.receive_timeout)
        return found, found.unread[0]

    def _wait_for_frame(
        self,
        found: Connection,
        connection: Any,
        what: str,
        expected: object,
        timeout: float | None,
    ) -> None:
        __tracebackhide__ = True
        seconds = self.receive_timeout if timeout is None else timeout
        if not self._kit.is_async:
            work = _communicator(connection).await_frame(timeout, what, expected)
            self._kit.drive(work, "receive")
            return
        raise found.nothing_came(what, seconds, expected=expected, can_wait=True)

    # The end.

    def assertClosed(
        self,
        connection: Any,
        *,
        code: int | None = None,
        reason: str | None = None,
        msg: object = None,
    ) -> None:
        """Assert that the application has closed the connection, and how."""
        __tracebackhide__ = True
        text = refusals.not_closed(self._connection(connection), code, reason)
        if text is not None:
            self.fail(with_message(text, msg))

    def assertOpen(self, connection: Any, *, msg: object = None) -> None:
        """Assert that the connection is open."""
        __tracebackhide__ = True
        found = self._connection(connection)
        if not found.is_open:
            text = f"{found.label} is {refusals.in_words(found)}.\n\n{found.transcript}"
            self.fail(with_message(text, msg))

    def _connection(self, connection: Any) -> Connection:
        communicator = _communicator(connection)
        self._kit.observe()
        return communicator.connected("An assertion about the connection")


def _communicator(connection: Any) -> WebsocketCommunicator:
    if isinstance(connection, WSClient):
        return connection.communicator
    if isinstance(connection, WebsocketCommunicator):
        return connection
    raise TypeError(
        f"A connection is a client or a communicator of the kit, not {connection!r}."
    )


def _json_differs(
    found: Connection, event: Event, wanted: object, payload: object, *, partial: bool
) -> str:
    difference = first_difference(wanted, payload, partial=partial)
    place = f" at {difference.path!r}" if difference and difference.path else ""
    values = (
        f"expected {difference.expected}, received {difference.actual}"
        if difference
        else "it does not match"
    )
    return (
        f"JSON frame from {found.label} differs{place}: {values}.\n\n"
        f"Expected: {_line(wanted)}\n"
        f"Received: {_line(payload)}\n\n"
        f"{_diff(wanted, payload)}"
        f"{found.transcript.render(event)}"
    )


def _line(payload: object) -> str:
    return shorten(describe_payload(json.dumps(payload, default=repr)))


def _diff(wanted: object, payload: object) -> str:
    if not isinstance(wanted, (dict, list)) or not isinstance(payload, (dict, list)):
        return ""
    before, after = (
        json.dumps(value, indent=4, sort_keys=True, default=repr).splitlines()
        for value in (wanted, payload)
    )
    lines = [f"  {line}" for line in ndiff(before, after) if not line.startswith("?")]
    return "\n".join(lines[:_DIFF_LINES]) + "\n\n"


_DIFF_LINES = 60
