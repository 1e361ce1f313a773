"""Assertions about WebSocket connections."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from . import refusals
from .assertions import LayerAssertions
from .connection import is_frame
from .layer_report import with_message
from .matching import first_difference, matches
from .silence import in_words, nothing_came, waiting_call
from .subjects import communicator_of, connected_communicator
from .surroundings import kit_coroutine
from .wire import expected_payload
from .wsclient import WSClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .communicator import WebsocketCommunicator
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
        """
        Assert that the handshake was accepted, and with which subprotocol.

        Example::

            ann = self.connect("/ws/echo/", subprotocols=["v2", "v1"])
            self.assertAccepted(ann, subprotocol="v2")
        """
        __tracebackhide__ = True
        found = self._handshaken(connection, msg)
        text = refusals.not_accepted(found, subprotocol)
        if text is not None:
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

        Fails when it was accepted, and when what is given of ``code``,
        ``reason`` and ``status`` differs. ``status`` is that of a denial
        response; a rejection by close code is an HTTP 403 to a browser, which
        never sees the code.

        Example::

            stranger = self.create_client("/ws/who/")
            stranger.connect()
            self.assertRejected(stranger, code=4401, reason="log in first")
        """
        __tracebackhide__ = True
        found = self._handshaken(connection, msg)
        text = refusals.not_rejected(found, code, reason, status)
        if text is not None:
            self.fail(with_message(text, msg))

    def _handshaken(self, connection: Any, msg: object) -> Connection:
        found = self._connection(connection)
        if found.handshake is None:
            with _saying(msg):
                raise nothing_came(found, "answer to the handshake", None)
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
        what = "JSON frame"
        found, event = self._next_frame(connection, what, expected, timeout, msg)
        with _saying(msg):
            payload = refusals.take_json(found, self.wire)
        wanted = expected_payload(self.wire, expected)
        if matches(wanted, payload, partial=partial):
            return payload
        text = refusals.json_differs(found, event, wanted, payload, partial=partial)
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
        """
        Assert that the next frame is this text; return it.

        ``expected`` may be a regular expression, which must match all of it,
        or a predicate. Fails as ``assertReceivesJson()`` does.

        Example::

            ann = self.connect("/ws/echo/")
            ann.send_text("hello")
            self.assertReceivesText(ann, "hello")
        """
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
        """
        Assert that the next frame is binary, with these bytes; return them.

        As ``assertReceivesText()``.
        """
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
        found, event = self._next_frame(connection, what, expected, timeout, msg)
        with _saying(msg):
            payload = take(found)
        difference = first_difference(expected, payload)
        if difference is not None:
            text = refusals.payload_differs(found, event, what, difference)
            self.fail(with_message(text, msg))
        return payload

    def assertReceivesNothing(
        self, connection: Any, *, within: float = 0, msg: object = None
    ) -> None:
        """
        Assert that no frame has come that was not read.

        At rest that is a proof. Fails as well when the application has raised,
        since its silence proves nothing. ``within`` waits, in a sync test, for
        timers of the application that are due in so many seconds; an async
        test has ``aassertReceivesNothing()`` for it.

        Example::

            ann, ben = self.connect("/ws/room/1/"), self.connect("/ws/room/2/")
            ann.send_json({"message": "hello"})
            self.assertReceivesNothing(ben)
        """
        __tracebackhide__ = True
        if within:
            self._kit.refuse_in_async_test("self.aassertReceivesNothing")
            work = self._communicator(connection).await_silence(within)
            self._kit.drive(work, "self.aassertReceivesNothing")
        self._assert_silent(connection, msg)

    @kit_coroutine
    async def aassertReceivesNothing(
        self, connection: Any, *, within: float = 0, msg: object = None
    ) -> None:
        """
        Assert that no frame comes within so many seconds, in an async test.

        It waits in real time for the timers that are due within them.
        """
        __tracebackhide__ = True
        await self._communicator(connection).await_silence(within)
        self._assert_silent(connection, msg)

    def _assert_silent(self, connection: Any, msg: object) -> None:
        __tracebackhide__ = True
        found = self._connection(connection)
        event = next(filter(is_frame, found.unread), None)
        if event is not None:
            self.fail(with_message(refusals.not_silent(found, event), msg))
        if found.error is not None or found.state == "ended":
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
        """
        Assert that the next frame of each is ``expected``; return them.

        Fails as ``assertReceivesJson()`` does, for the first that differs.
        """
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

        Fails when another connection has an unread frame that matches.

        Example::

            ann, ben = self.connect("/ws/room/1/"), self.connect("/ws/room/2/")
            ann.send_json({"message": "hello"})
            self.assertOnlyReceive([ann], {"message": "hello"})
        """
        __tracebackhide__ = True
        receivers = list(connections)
        received = self.assertAllReceive(
            receivers, expected, partial=partial, timeout=timeout, msg=msg
        )
        chosen = {id(communicator_of(receiver)) for receiver in receivers}
        wanted = expected_payload(self.wire, expected)
        for other in self._kit.communicators:
            if id(other) not in chosen and other.connection is not None:
                self._refuse_match(other.connection, wanted, partial, msg)
        return received

    def _refuse_match(
        self,
        other: Connection,
        wanted: object,
        partial: bool,
        msg: object,
    ) -> None:
        __tracebackhide__ = True
        event = refusals.unread_match(other, wanted, partial=partial)
        if event is not None:
            text = (
                f"{other.label} received what only others should have.\n\n"
                f"{other.transcript.render(event)}"
            )
            self.fail(with_message(text, msg))

    def _next_frame(
        self,
        connection: Any,
        what: str,
        expected: object,
        timeout: float | None,
        msg: object,
    ) -> tuple[Connection, Event]:
        __tracebackhide__ = True
        found = self._connection(connection)
        seconds = self.receive_timeout if timeout is None else timeout
        if not found.unread and not self._kit.is_async:
            work = self._communicator(connection).await_event(seconds)
            self._kit.drive(work, "receive", only_reads=True)
        with _saying(msg):
            if not found.unread and self._kit.is_async:
                call = waiting_call(what, is_client=isinstance(connection, WSClient))
                raise nothing_came(found, what, None, expected=expected, call=call)
            refusals.check_frame_is_next(found, what, seconds, expected=expected)
        return found, found.unread[0]

    # The end.

    def assertClosed(
        self,
        connection: Any,
        *,
        code: int | None = None,
        reason: str | None = None,
        msg: object = None,
    ) -> None:
        """
        Assert that the application has closed the connection, and how.

        Fails when it has not, or when what is given of ``code`` and ``reason``
        differs. A close without a code has code 1000.

        Example::

            ann = self.connect("/ws/echo/")
            ann.send_json({"close": 4403, "reason": "not a member"})
            self.assertClosed(ann, code=4403, reason="not a member")
        """
        __tracebackhide__ = True
        found = self._connection(connection)
        if found.is_open and not self._kit.is_async:
            work = self._communicator(connection).await_close()
            self._kit.drive(work, "wait", only_reads=True)
        text = refusals.not_closed(found, code, reason)
        if text is not None:
            self.fail(with_message(text, msg))

    def assertOpen(self, connection: Any, *, msg: object = None) -> None:
        """Assert that the connection was accepted and nobody has closed it."""
        __tracebackhide__ = True
        found = self._connection(connection)
        if not found.is_open:
            verdict = f"{found.label} is {in_words(found)}, and should be open."
            text = f"{verdict}\n\n{found.transcript}"
            self.fail(with_message(text, msg))

    def _connection(self, connection: Any) -> Connection:
        communicator_of(connection)
        self._kit.observe()
        return self._communicator(connection).connected("An assertion")

    def _communicator(self, connection: Any) -> WebsocketCommunicator:
        return connected_communicator(connection, is_async=self._kit.is_async)


@contextlib.contextmanager
def _saying(msg: object) -> Iterator[None]:
    """Put the author's message on the verdict of a failure of the kit."""
    try:
        yield
    except AssertionError as error:
        if msg is None:
            raise
        text = with_message(str(error), msg)
        raise type(error)(text) from error.__cause__
