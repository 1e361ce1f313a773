"""Assertions about what WebSocket connections receive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from channels_testkit.asgi.receive_failures import nothing_came, waiting_call
from channels_testkit.asgi.wire import expected_payload
from channels_testkit.matching import first_difference, matches
from channels_testkit.running.kit_calls import kit_coroutine
from channels_testkit.running.seconds import takes_seconds
from channels_testkit.websocket.client import WSClient
from channels_testkit.websocket.connection import is_frame
from channels_testkit.websocket.driver import drivers_of
from channels_testkit.websocket.frame_failures import (
    check_frame_is_next,
    is_dead,
    json_differs,
    not_silent,
    others_received,
    payload_differs,
    take_bytes,
    take_json,
    take_text,
    unread_match,
)
from channels_testkit.websocket.subjects import (
    check_frame_call,
    driver_of,
)

from .connections import ConnectionAssertions
from .verdicts import saying, with_message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from channels_testkit.asgi.application import Event
    from channels_testkit.websocket.connection import WebsocketConnection
    from channels_testkit.websocket.subjects import Subject

__unittest = True

T = TypeVar("T")


class WebsocketAssertions(ConnectionAssertions):
    """
    Assertions that take a client or a communicator.

    In a sync test, assertions about frames may wait as a receive does. In an
    async test they check the frames that have arrived.
    """

    receive_timeout: float

    # Frames.

    @takes_seconds
    def assertReceivesJson(
        self,
        connection: Subject,
        expected: object,
        *,
        partial: bool = False,
        timeout: float | None = None,
        msg: object = None,
    ) -> Any:
        """
        Assert that the next frame is JSON equal to ``expected``; return it.

        It reads exactly one frame. Fails if another frame is next, if the
        application has closed the connection, or if it is at rest and no frame
        has arrived.

        Example::

            ann = self.connect("/ws/echo/")
            ann.send_json({"type": "ping"})
            self.assertReceivesJson(ann, {"type": "ping"})
        """
        __tracebackhide__ = True
        check_frame_call(self, "assertReceivesJson", connection, expected)
        what = "JSON frame"
        found, event = self._next_frame(connection, what, expected, timeout, msg)
        with saying(msg):
            payload = take_json(found, self._kit.wire)
        wanted = expected_payload(self._kit.wire, expected)
        if matches(wanted, payload, partial=partial):
            return payload
        text = json_differs(found, event, wanted, payload, partial=partial)
        self.fail(with_message(text, msg))
        return None

    @takes_seconds
    def assertReceivesText(
        self,
        connection: Subject,
        expected: object,
        *,
        timeout: float | None = None,
        msg: object = None,
    ) -> str:
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
        check_frame_call(self, "assertReceivesText", connection, expected)
        return self._assert_frame(
            connection, expected, "text frame", take_text, timeout, msg
        )

    @takes_seconds
    def assertReceivesBytes(
        self,
        connection: Subject,
        expected: object,
        *,
        timeout: float | None = None,
        msg: object = None,
    ) -> bytes:
        """
        Assert that the next frame is binary, with these bytes; return them.

        As ``assertReceivesText()``.
        """
        __tracebackhide__ = True
        check_frame_call(self, "assertReceivesBytes", connection, expected)
        return self._assert_frame(
            connection, expected, "binary frame", take_bytes, timeout, msg
        )

    def _assert_frame(
        self,
        connection: Subject,
        expected: object,
        what: str,
        take: Callable[[WebsocketConnection], T],
        timeout: float | None,
        msg: object,
    ) -> T:
        __tracebackhide__ = True
        found, event = self._next_frame(connection, what, expected, timeout, msg)
        with saying(msg):
            payload = take(found)
        difference = first_difference(expected, payload)
        if difference is not None:
            text = payload_differs(found, event, what, difference)
            self.fail(with_message(text, msg))
        return payload

    @takes_seconds
    def assertReceivesNothing(
        self, connection: Subject, *, within: float = 0, msg: object = None
    ) -> None:
        """
        Assert that the connection has no unread frame.

        At rest that is a proof. Fails as well if the application has raised,
        since its silence then proves nothing. In a sync test, ``within`` waits
        for timers of the application that are due in that many seconds; an
        async test has ``aassertReceivesNothing()`` instead. Without it a sync
        test waits 0.1 seconds if something outside of the test, such as a
        thread, may still bring a frame.

        Example::

            ann, ben = self.connect("/ws/room/1/"), self.connect("/ws/room/2/")
            ann.send_json({"message": "hello"})
            self.assertReceivesNothing(ben)
        """
        __tracebackhide__ = True
        if within:
            self._kit.refuse_in_async_test("self.aassertReceivesNothing")
        seconds = within or self._kit.seconds_to_doubt()
        if seconds:
            work = self._driver(connection).await_silence(seconds)
            self._kit.run_in_sync_test(work, "self.aassertReceivesNothing")
        self._assert_silent(connection, msg)

    @kit_coroutine
    async def aassertReceivesNothing(
        self, connection: Subject, *, within: float = 0, msg: object = None
    ) -> None:
        """
        Assert that no frame comes in ``within`` seconds, in an async test.

        It waits in real time for the timers that are due within that time.
        """
        __tracebackhide__ = True
        await self._driver(connection).await_silence(within)
        self._assert_silent(connection, msg)

    def _assert_silent(self, connection: Subject, msg: object) -> None:
        __tracebackhide__ = True
        found = self._connection(connection)
        event = next(filter(is_frame, found.unread), None)
        if event is not None:
            self.fail(with_message(not_silent(found, event), msg))
        if found.error is not None or found.state == "ended":
            self.fail(with_message(is_dead(found), msg))

    @takes_seconds
    def assertAllReceive(
        self,
        connections: Iterable[Subject],
        expected: object,
        *,
        partial: bool = False,
        timeout: float | None = None,
        msg: object = None,
    ) -> list[Any]:
        """
        Assert that the next frame of each is ``expected``; return them.

        Fails as ``assertReceivesJson()`` does, at the first that differs.
        """
        __tracebackhide__ = True
        check_frame_call(self, "assertAllReceive", connections, expected)
        return [
            self.assertReceivesJson(
                connection, expected, partial=partial, timeout=timeout, msg=msg
            )
            for connection in connections
        ]

    @takes_seconds
    def assertOnlyReceive(
        self,
        connections: Iterable[Subject],
        expected: object,
        *,
        partial: bool = False,
        timeout: float | None = None,
        msg: object = None,
    ) -> list[Any]:
        """
        Assert that these receive ``expected``, and no other connection does.

        Fails if another connection of the test has an unread frame that
        matches.

        Example::

            ann, ben = self.connect("/ws/room/1/"), self.connect("/ws/room/2/")
            ann.send_json({"message": "hello"})
            self.assertOnlyReceive([ann], {"message": "hello"})
        """
        __tracebackhide__ = True
        check_frame_call(self, "assertOnlyReceive", connections, expected)
        receivers = list(connections)
        received = self.assertAllReceive(
            receivers, expected, partial=partial, timeout=timeout, msg=msg
        )
        chosen = {id(driver_of(receiver)) for receiver in receivers}
        wanted = expected_payload(self._kit.wire, expected)
        for other in drivers_of(self._kit):
            if id(other) not in chosen and other.connection is not None:
                self._refuse_match(other.connection, wanted, partial, msg)
        return received

    def _refuse_match(
        self, other: WebsocketConnection, wanted: object, partial: bool, msg: object
    ) -> None:
        __tracebackhide__ = True
        event = unread_match(other, wanted, partial=partial)
        if event is not None:
            self.fail(with_message(others_received(other, event), msg))

    def _next_frame(
        self,
        connection: Subject,
        what: str,
        expected: object,
        timeout: float | None,
        msg: object,
    ) -> tuple[WebsocketConnection, Event]:
        __tracebackhide__ = True
        found = self._connection(connection)
        seconds = self.receive_timeout if timeout is None else timeout
        if not found.unread and not self._kit.is_async:
            work = self._driver(connection).event_or_end(seconds)
            self._kit.run_in_sync_test(work, "receive", only_reads=True)
        with saying(msg):
            if not found.unread and self._kit.is_async:
                call = waiting_call(what, is_client=isinstance(connection, WSClient))
                raise nothing_came(found, what, None, expected=expected, call=call)
            check_frame_is_next(found, what, seconds, expected=expected)
        return found, found.unread[0]
