"""The application as a server meets it, and what is under way in it."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import itertools
import sys
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

from django.core.signals import got_request_exception

from channels_testkit.asgi.transcript import IN, OUT, Entry, crossed
from channels_testkit.engine import hangs
from channels_testkit.engine.cancelling import cancel
from channels_testkit.engine.jobs import APPLICATION
from channels_testkit.engine.origin_notes import note_owner
from channels_testkit.engine.origins import OWNER, with_consumer
from channels_testkit.engine.watches import watch_of
from channels_testkit.exceptions import HangError
from channels_testkit.routing.remedies import explained
from channels_testkit.timeline.recording import record

from .loops import call_bounded_on, call_on
from .refusals import refusal
from .remarks import TOO_BIG, closed_as_too_big, redirect_to_https

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, MutableMapping

    from channels.consumer import AsyncConsumer

    from channels_testkit.asgi.application import ASGIApplication, Event, Receive, Send
    from channels_testkit.engine.rest import RestWatch

    from .servers import Server

    Loop = asyncio.AbstractEventLoop

#: In the context of what a live server runs: the connections that it is of.
_SERVED: contextvars.ContextVar[LiveConnections | None] = contextvars.ContextVar(
    "channels_testkit.served", default=None
)

GOING_AWAY = 1001
_SECONDS_TO_CATCH_UP = 1.0
#: Of a loop: more than an event takes from its socket to the application.
_ROUNDS = 20
_DISCONNECTS: dict[str, Event] = {
    "websocket": {"type": "websocket.disconnect", "code": GOING_AWAY, "reason": ""},
    "http": {"type": "http.disconnect"},
}
_ENDS = {event["type"] for event in _DISCONNECTS.values()}
# With the default code: Daphne sends no code below 3000 but that.
_CLOSE: Event = {"type": "websocket.close"}
_UNAVAILABLE: Event = {"type": "http.response.start", "status": 503, "headers": []}
_END_OF_BODY: Event = {"type": "http.response.body", "body": b"", "more_body": False}
_LAST_EVENTS = (
    "websocket.close",
    "http.response.body",
    "websocket.http.response.body",
)


class LiveConnections:
    """
    An ASGI application around that of the project.

    It reports what the project's application raises, notes handshakes that it
    refuses, and ends all connections after a test; between tests it refuses
    clients. ``application(kind)`` is called for each connection, so that
    routes and settings of the test apply.
    """

    def __init__(
        self,
        application: Callable[[str], ASGIApplication],
        report: Callable[[BaseException], None],
        remark: Callable[[str], None],
    ) -> None:
        self._application = application
        self._report = report
        self._remark = remark
        self._lock = threading.Lock()
        self._under_way: dict[LiveConnection, Loop] = {}
        self._loops: set[Loop] = set()
        self._is_open = True
        #: What serves them; it is made when they are.
        self.server: Server
        #: The state of the lifespan, if one is run.
        self.state: Mapping[str, Any] | None = None
        #: Thread jobs that are meant to wait, as a test declares them.
        self.background_jobs: Counter[object] = Counter()

    async def __call__(
        self, scope: MutableMapping[str, Any], receive: Receive, send: Send
    ) -> None:
        """Serve a connection."""
        if scope["type"] not in _DISCONNECTS:
            # Such as lifespan: the project's application knows what to say.
            await self._application(scope["type"])(scope, receive, send)
            return
        if self.state is not None:
            scope["state"] = dict(self.state)
        connection = LiveConnection(scope, receive, send, self._remark, self.server)
        if not self._begins(connection):
            await connection.turn_away()
            return
        _SERVED.set(self)
        APPLICATION.set(True)
        OWNER.set(connection)
        application = self._application(scope["type"])
        try:
            await application(scope, connection.receive, connection.send)
        except (asyncio.CancelledError, GeneratorExit):
            raise
        except BaseException as error:
            # SystemExit, too: it ends a server, and nobody sees why.
            if error is connection.loss:
                raise
            note_owner(error, connection)
            told = explained(error, application, scope["type"])
            self._report(told)
            if told is not error:
                # The server does not log what the test reports.
                raise told from None
            raise
        finally:
            connection.forget()
            with self._lock:
                del self._under_way[connection]

    def _begins(self, connection: LiveConnection) -> bool:
        loop = asyncio.get_running_loop()
        try:
            watch = watch_of(loop)
        except RuntimeError as error:
            # A loop that cannot be watched.
            self._report(error)
            raise
        watch.background = self.background_jobs
        with self._lock:
            if self._is_open:
                self._under_way[connection] = loop
                self._loops.add(loop)
            return self._is_open

    def view_raised(self, **_kwargs: object) -> None:
        """Hear of an exception in a view, which Django makes a response of."""
        error, owner = sys.exc_info()[1], OWNER.get()
        if error is not None and _SERVED.get() is self:
            if owner is not None:
                note_owner(error, owner)
            self._report(error)

    def connect_signal(self) -> None:
        """Hear of exceptions in views."""
        got_request_exception.connect(self.view_raised)

    def disconnect_signal(self) -> None:
        """Hear no more of them."""
        got_request_exception.disconnect(self.view_raised)

    # The test's thread calls these.

    def open(self) -> None:
        """Serve clients from now on."""
        with self._lock:
            self._is_open = True

    def watch(self, loop: Loop) -> None:
        """Look for failures on a loop also where no client comes."""
        with self._lock:
            self._loops.add(loop)

    def catch_up(self) -> None:
        """Let what clients have done so far arrive."""
        with self._lock:
            loops = list(self._loops)
        for loop in loops:
            # One that is blocked is reported when the test ends.
            with contextlib.suppress(HangError):
                call_on(loop, _some_rounds(), _SECONDS_TO_CATCH_UP)

    def end_all(self, timeout: float) -> list[str]:
        """
        End what is under way, as clients that go away would.

        Returns, in words, the connections whose applications took longer than
        ``timeout`` seconds; they are cancelled. Raises ``HangError`` where a
        loop does not come to rest.
        """
        with self._lock:
            self._is_open = False
        stuck = [
            self._on(loop, self._end(loop, timeout), timeout) for loop in self._loops
        ]
        return list(itertools.chain(*stuck))

    def end_tasks(self, timeout: float) -> list[str]:
        """
        Cancel the tasks that are left, and return them in words.

        Reports what tasks have raised that nobody awaited.
        """
        left = [
            self._on(loop, self._end_tasks(loop, timeout), timeout)
            for loop in self._loops
        ]
        for loop in self._loops:
            for error in watch_of(loop).failures.take():
                self._report(error)
        self._loops.clear()
        return list(itertools.chain(*left))

    def _on(
        self, loop: Loop, work: Coroutine[Any, Any, list[str]], timeout: float
    ) -> list[str]:
        watch = watch_of(loop)
        # The loop may have had later bounds, of another class's tests.
        watch.hang_timeout, watch.deadline = timeout, None
        return call_bounded_on(loop, work, 2 * timeout)

    async def _end(self, loop: Loop, timeout: float) -> list[str]:
        rest = watch_of(loop)
        try:
            # What clients have sent so far comes first, their own end as well.
            await rest.wait()
        except HangError:
            # What hangs may wait for a client to go: it gets no second wait.
            rest.give_up(timeout)
            await self._part(rest, timeout)
            raise
        return await self._part(rest, timeout)

    async def _part(self, rest: RestWatch, timeout: float) -> list[str]:
        """End connections; return in words those that did not end in time."""
        with self._lock:
            under_way = [it for it, of in self._under_way.items() if of is rest.loop]
        tasks = [connection.task for connection in under_way]
        # A client that reads nothing does not read a close either.
        tasks += [asyncio.ensure_future(it.leave()) for it in under_way]
        stuck: set[asyncio.Task[Any]] = set()
        if tasks:
            _, stuck = await asyncio.wait(tasks, timeout=timeout)
        # In words now, while they still wait for something.
        left = [it.describe_unended(timeout) for it in under_way if it.task in stuck]
        await cancel(stuck, timeout)
        await rest.wait()
        return left

    async def _end_tasks(self, loop: Loop, timeout: float) -> list[str]:
        watched = watch_of(loop).tasks
        tasks = set(watched.undone()) - watched.kept()
        left = [hangs.describe_task(task) for task in tasks]
        await cancel(tasks, timeout)
        return left


async def _some_rounds() -> None:
    for _ in range(_ROUNDS):
        await asyncio.sleep(0)


class LiveConnection:
    """One connection of a live server, to be ended from this side."""

    #: None: what crosses it is seen by its client.
    transcript = None
    has_client = is_live = True

    def __init__(
        self,
        scope: MutableMapping[str, Any],
        receive: Receive,
        send: Send,
        remark: Callable[[str], None],
        server: Server,
    ) -> None:
        self._server = server
        self.kind: str = scope["type"]
        self.path: str = scope["path"]
        self._scope = scope
        self.consumer: AsyncConsumer | None = None
        self._remark = remark
        self._receive = receive
        self._send = send
        #: What the application runs in.
        self.task: Any = asyncio.current_task()
        self._next: asyncio.Task[Event] | None = None
        self._left: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
        self._has_answered = self._has_finished = False
        #: What the server raised into the application because the client has
        #: gone. That is no failure of the application.
        self.loss: OSError | None = None

    @property
    def label(self) -> str:
        """Its name in the timeline."""
        return f"{self.kind} {self.path}"

    @property
    def in_words(self) -> str:
        """Its name in notes on exceptions."""
        application = f"the application of {self.kind} {self.path}"
        return with_consumer(self.consumer, application)

    def note_consumer(
        self, consumer: AsyncConsumer, scope: MutableMapping[str, Any]
    ) -> None:
        """Take note of the consumer, and of what middleware has added."""
        self.consumer, self._scope = consumer, scope

    async def receive(self) -> Event:
        """Return the next event; when it is ended, that of a client's end."""
        while True:
            if self._next is None:
                # Kept where the application gives up waiting: none is lost.
                self._next = asyncio.ensure_future(_awaited(self._receive))
            coming = self._next
            await asyncio.wait([coming, self._left], return_when="FIRST_COMPLETED")
            # Else another call, which waited as well, has taken the event.
            if coming is self._next and coming.done():
                self._next, event = None, coming.result()
                self._look_at(event)
                # The server may add its own word, about what it was told here.
                if not (self._left.done() and event["type"] in _ENDS):
                    return event
            if self._left.done():
                return self._left.result()

    def _look_at(self, event: Event) -> None:
        is_first = event["type"] == "websocket.connect"
        shown = {**event, "path": self.path} if is_first else event
        record(self, crossed, Entry(IN, shown))
        # Unless the application has closed with that code.
        if event.get("code") == TOO_BIG and not self._has_finished:
            reason = event.get("reason") or ""
            self._remark(closed_as_too_big(self.path, reason, self._server))

    async def send(self, event: Event) -> None:
        """Pass an event on to the server, while there is a client."""
        if self._left.done():
            return
        if event["type"] == "websocket.close" and not self._has_answered:
            self._remark(refusal(event, self._scope, self.consumer))
        if text := redirect_to_https(event, self._scope):
            self._remark(text)
        record(self, crossed, Entry(OUT, event))
        try:
            await self._send(event)
        except OSError as error:
            self.loss = error
            raise
        self._has_answered = True
        if event["type"] in _LAST_EVENTS:
            self._has_finished = not event.get("more_body", False)

    async def leave(self) -> None:
        """Let the client go, and tell the application that it has gone."""
        if not self._left.done():
            self._left.set_result(_DISCONNECTS[self.kind])
            # The client may have gone by itself, or the server may refuse to
            # end a response that is shorter than its headers say.
            with contextlib.suppress(Exception):
                await self._finish()

    async def _finish(self) -> None:
        if self._has_finished:
            return
        if self.kind == "websocket":
            await self._send(_CLOSE)
            return
        if not self._has_answered:
            await self._send(_UNAVAILABLE)
        await self._send(_END_OF_BODY)

    async def turn_away(self) -> None:
        """Refuse a client that comes between tests."""
        await self._receive()
        await self._finish()

    def describe_unended(self, timeout: float) -> str:
        """Say that the application has not ended, and what it waits for."""
        return (
            f"the application of {self.kind} {self.path}, which did not end within"
            f" {timeout:g} s: {hangs.describe_task(self.task)}"
        )

    def forget(self) -> None:
        """Give up an event that nobody waits for any more."""
        if self._next is not None:
            self._next.cancel()


async def _awaited(receive: Receive) -> Event:
    return await receive()
