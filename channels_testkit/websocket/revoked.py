"""
Connections whose login has ended, and which get frames all the same.

What counts is the state at rest, so a test may end a login by whatever means.
"""

from __future__ import annotations

import contextlib
import itertools
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from django.conf import settings
from django.db import DatabaseError, router

from channels_testkit.asgi.transcript import OUT
from channels_testkit.engine import private

from .connection import is_frame
from .ended_logins import Login, rows_of, sessions_of, why_ended
from .revocation_failures import leaked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from channels_testkit.asgi.application import Event
    from channels_testkit.running.run import TestRun

    from .connection import WebsocketConnection
    from .ended_logins import Reason
    from .identity import Identity


class ClientDriver(Protocol):
    """The driver of the connections of one client."""

    connection: WebsocketConnection | None
    identity: Identity


class _Ended(NamedTuple):
    """A login that has ended while its connection stayed open."""

    login: Login
    reason: Reason
    #: How many entries the transcript had by then.
    entries: int


class RevokedLogins:
    """Looks at the connections of a test; see ``running.revocation``."""

    def __init__(self, run: TestRun) -> None:
        self._run = run
        self.drivers: list[Any] = []
        # By connection, of which a driver may have several in turn.
        self._logins: dict[WebsocketConnection, Login] = {}
        self._ended: dict[WebsocketConnection, _Ended] = {}
        self._told: set[WebsocketConnection] = set()
        self._met: set[WebsocketConnection] = set()

    @classmethod
    def drivers_of(cls, run: TestRun) -> list[Any]:
        """Return the list of a test's drivers; its connections are seen."""
        run.revocation = revoked = cls(run)
        return revoked.drivers

    def look(self) -> None:
        """Take note of those whose login has ended; at rest."""
        with self._unseen():
            opened = [(it.connection, it) for it in self.drivers]
            seen = {it: driver for it, driver in opened if self._knows_login(it)}
            try:
                rows = rows_of(self._logins[it] for it in seen)
                keys = {it: self._keys_of(it, driver) for it, driver in seen.items()}
                sessions = sessions_of(itertools.chain(*keys.values()))
                for connection in seen:
                    found = [sessions.get(key, {}) for key in keys[connection]]
                    self._look_at(connection, rows, found)
            except DatabaseError:
                # The transaction is broken: the test's own query raises.
                return

    @contextlib.contextmanager
    def looking_ahead(self) -> Iterator[None]:
        """Look before sent messages come; forget connections they close."""
        known = set(self._ended)
        self.look()
        yield
        for connection in set(self._ended) - known:
            if not connection.is_open:
                del self._ended[connection]

    def report(self) -> None:
        """Record a failure for each that has got something since; at rest."""
        self._note_new_logins()
        for connection, ended in list(self._ended.items()):
            event = _leak(connection, ended.entries)
            if event is not None:
                del self._ended[connection]
                self._told.add(connection)
                user = str(ended.login.user)
                self._record(leaked(connection, event, user, ended.reason))

    def forget(self) -> None:
        """Ignore what comes next: the test ends."""
        self._ended.clear()

    def _note_new_logins(self) -> None:
        """Take note of logins while their users and sessions have keys."""
        opened = [it.connection for it in self.drivers]
        new = [it for it in opened if it and it.is_open and it not in self._met]
        if new:
            self._met.update(new)
            with self._unseen():
                for connection in new:
                    self._knows_login(connection)

    @contextlib.contextmanager
    def _unseen(self) -> Iterator[None]:
        with private.loop_lifted(), self._run.database.unseen():
            yield

    def _record(self, text: str) -> None:
        run = self._run
        is_failure = run.options.check_revoked == "fail"
        errors = [AssertionError(text)] if is_failure else run.warnings.warn(text)
        for error in errors:
            run.errors.record(error, "fail")

    def _knows_login(self, connection: WebsocketConnection | None) -> bool:
        """Take note of a login; tell whether it can end at all."""
        if connection is None or not connection.is_open or connection in self._told:
            return False
        scope, known = connection.scope, self._logins.pop(connection, None)
        login = Login.in_scope(scope) if known is None else known.now(scope)
        if login is None:
            # The application has logged it out, and knows.
            self._ended.pop(connection, None)
            return False
        self._logins[connection] = login
        return router.db_for_read(login.model) in self._run.database

    def _keys_of(
        self, connection: WebsocketConnection, driver: ClientDriver
    ) -> list[str]:
        """Return the keys of a login's session, and of that in its browser."""
        session = self._logins[connection].session
        if session is None:
            return []
        # Who changes the password in this browser has another session there.
        morsel = driver.identity.jar.cookies.get(settings.SESSION_COOKIE_NAME)
        in_browser = "" if morsel is None else morsel.value
        return [session, in_browser or session]

    def _look_at(
        self,
        connection: WebsocketConnection,
        rows: dict[Any, Any],
        sessions: list[dict[str, Any]],
    ) -> None:
        login = self._logins[connection]
        reason = why_ended(login, rows.get((login.model, login.pk)), sessions)
        if reason is None:
            self._ended.pop(connection, None)
        elif connection not in self._ended:
            entries = len(connection.transcript.entries)
            self._ended[connection] = _Ended(login, reason, entries)


def _leak(connection: WebsocketConnection, since: int) -> Event | None:
    """Return the first frame since an entry, but for one before a close."""
    entries = connection.transcript.entries[since:]
    # What has a note has not reached the client.
    sent = [it.event for it in entries if it.direction == OUT and not it.note]
    is_closed = bool(sent) and sent[-1]["type"] == "websocket.close"
    leaks = filter(is_frame, sent[:-2] if is_closed else sent)
    return next(leaks, None)
