"""Assertions about how WebSocket connections begin and end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from channels_testkit.asgi.receive_failures import nothing_came
from channels_testkit.matching.wording import say
from channels_testkit.running.arguments import check_arguments
from channels_testkit.websocket.close_failures import (
    none_of_user,
    not_all_closed,
    not_closed,
    not_open,
)
from channels_testkit.websocket.driver import drivers_of
from channels_testkit.websocket.handshake_failures import not_accepted, not_rejected
from channels_testkit.websocket.subjects import (
    CONNECTION,
    connected_driver_of,
    driver_of,
)

from .layers import LayerAssertions
from .verdicts import saying, with_message

if TYPE_CHECKING:
    from channels_testkit.websocket.connection import WebsocketConnection
    from channels_testkit.websocket.driver import WebsocketDriver
    from channels_testkit.websocket.subjects import Subject

__unittest = True

T = TypeVar("T")


class ConnectionAssertions(LayerAssertions):
    """Assertions about how a connection begins and ends."""

    # The handshake.

    def assertAccepted(
        self, connection: Subject, *, subprotocol: str | None = None, msg: object = None
    ) -> None:
        """
        Assert that the handshake was accepted, and with which subprotocol.

        Example::

            ann = self.connect("/ws/echo/", subprotocols=["v2", "v1"])
            self.assertAccepted(ann, subprotocol="v2")
        """
        __tracebackhide__ = True
        found = self._handshaken(connection, msg)
        text = not_accepted(found, subprotocol)
        if text is not None:
            self.fail(with_message(text, msg))

    def assertRejected(
        self,
        connection: Subject,
        *,
        code: int | None = None,
        reason: str | None = None,
        status: int | None = None,
        msg: object = None,
    ) -> None:
        """
        Assert that the handshake was refused, and how.

        Fails if it was accepted, or if a given ``code``, ``reason`` or
        ``status`` differs. ``status`` is that of a denial response; a
        rejection by close code is an HTTP 403 to a browser, which never sees
        the code.

        Example::

            stranger = self.create_client("/ws/who/")
            stranger.connect()
            self.assertRejected(stranger, code=4401, reason="log in first")
        """
        __tracebackhide__ = True
        found = self._handshaken(connection, msg)
        text = not_rejected(found, code, reason, status)
        if text is not None:
            self.fail(with_message(text, msg))

    def _handshaken(self, connection: Subject, msg: object) -> WebsocketConnection:
        found = self._connection(connection)
        if found.handshake is None:
            with saying(msg):
                raise nothing_came(found, "answer to the handshake", None)
        return found

    # The end.

    def assertClosed(
        self,
        connection: Subject,
        *,
        code: int | None = None,
        reason: str | None = None,
        msg: object = None,
    ) -> None:
        """
        Assert that the application has closed the connection, and how.

        Fails if it has not, or if a given ``code`` or ``reason`` differs. A
        close without a code has code 1000.

        Example::

            ann = self.connect("/ws/echo/")
            ann.send_json({"close": 4403, "reason": "not a member"})
            self.assertClosed(ann, code=4403, reason="not a member")
        """
        __tracebackhide__ = True
        found = self._connection(connection)
        if found.is_open and not self._kit.is_async:
            work = self._driver(connection).await_close()
            self._kit.run_in_sync_test(work, "wait", only_reads=True)
        text = not_closed(found, code, reason)
        if text is not None:
            self.fail(with_message(text, msg))

    def assertAllClosed(
        self,
        *connections: Subject,
        user: Any = None,
        code: int | None = None,
        msg: object = None,
    ) -> None:
        """
        Assert that the application has closed several connections, and how.

        It checks the given connections, and those of ``user`` that the test
        has not disconnected: opened with ``user=``, or accepted with this user
        in the scope. Fails as ``assertClosed()`` does, with one line for each
        connection that differs. Fails as well if the user has no connection.

        Example::

            ann, ben = self.connect_many(2, "/ws/echo/")
            for client in (ann, ben):
                client.send_json({"close": 4401})
            self.assertAllClosed(ann, ben, code=4401)
        """
        __tracebackhide__ = True
        if not connections and user is None:
            raise TypeError("assertAllClosed() takes connections, or user=.")
        drivers = self._given(connections)
        if user is not None:
            drivers += [it for it in self._of_user(user, msg) if it not in drivers]
        found = [it.connected("assertAllClosed()") for it in drivers]
        if not self._kit.is_async:
            for driver in (it for it in drivers if it.state == "open"):
                work = driver.await_close()
                self._kit.run_in_sync_test(work, "wait", only_reads=True)
        text = not_all_closed(found, code)
        if text is not None:
            self.fail(with_message(text, msg))

    def _given(self, connections: tuple[Subject, ...]) -> list[WebsocketDriver]:
        """Return what drives connections; refuse what is none."""
        __tracebackhide__ = True
        for connection in connections:
            if isinstance(connection, (list, tuple)):
                raise TypeError(
                    "assertAllClosed() takes connections one by one, not a"
                    f" {type(connection).__name__}: put '*' before it."
                )
            argument = (CONNECTION, connection)
            check_arguments(self, "assertAllClosed", "connection", argument)
        self._kit.ensure_rest()
        return [self._driver(it) for it in connections]

    def _of_user(self, user: Any, msg: object) -> list[WebsocketDriver]:
        """Return the drivers of a user's connections; fail without any."""
        __tracebackhide__ = True
        if isinstance(user, type) or not hasattr(user, "is_authenticated"):
            raise TypeError(f"assertAllClosed(user={say(user)}): give a user.")
        there = [it for it in drivers_of(self._kit) if it.is_connected]
        found = [it for it in there if it.connected("user=").is_of(user)]
        if not found:
            text = none_of_user(user, [it.label for it in there])
            self.fail(with_message(text, msg))
        return found

    def assertOpen(self, connection: Subject, *, msg: object = None) -> None:
        """Assert that the connection was accepted and is not closed."""
        __tracebackhide__ = True
        found = self._connection(connection)
        text = not_open(found)
        if text is not None:
            self.fail(with_message(text, msg))

    def _connection(self, connection: Subject) -> WebsocketConnection:
        driver_of(connection)
        self._kit.ensure_rest()
        return self._driver(connection).connected("An assertion")

    def _driver(self, connection: Subject) -> WebsocketDriver:
        return connected_driver_of(connection, is_async=self._kit.is_async)
