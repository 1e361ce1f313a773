"""
Interactive pages behind a socket: an action, its turn, the state after it.

``Page`` is what is particular to a framework, or to a page of your own;
``PageClient`` and ``AsyncPageClient`` do the rest.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from channels_testkit.matching import closest_name
from channels_testkit.matching.wording import MAX_LISTED, say, shorten
from channels_testkit.running.kit_calls import kit_coroutine
from channels_testkit.running.run import required
from channels_testkit.websocket.communicator import WebsocketCommunicator
from channels_testkit.websocket.handshake_failures import refused
from channels_testkit.websocket.opening import options_of
from channels_testkit.websocket.subjects import driver_of

from .page_setup import PageSetup
from .page_turns import EventResult, Turn, contains, in_json, say_difference, snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from channels.consumer import AsyncConsumer
    from typing_extensions import Self, Unpack

    from channels_testkit.running.run import TestRun
    from channels_testkit.websocket.options import ConnectOptions

__all__ = (
    "AsyncPageClient",
    "EventResult",
    "MountRefused",
    "Page",
    "PageClient",
    "PageDriver",
    "Turn",
)

__unittest = True


class MountRefused(AssertionError):  # noqa: N818 - it says what has happened
    """The server did not give the page; ``turn`` is what it sent instead."""

    def __init__(self, text: str, turn: Turn) -> None:
        super().__init__(text)
        self.turn = turn


class Page:
    """
    What a client has to know about one kind of page. Subclass it.

    A subclass needs ``event_frame()``, and ``state()`` for the assertions
    about state; the rest has defaults.
    """

    #: Where the socket of the page is.
    ws_path = "/"
    #: Loggers that get the exceptions which the framework catches, with their
    #: traceback. Those below them are heard as well.
    error_loggers: tuple[str, ...] = ()

    @classmethod
    @contextlib.contextmanager
    def for_test(cls, test: TestRun) -> Iterator[Any]:
        """Put in place, for a test, what all its clients of this page need."""
        yield None

    @property
    def name(self) -> str:
        """The name of the page in failures."""
        return type(self).__name__

    def not_mounted(self) -> str:
        """Return the failure text of a call before ``mount()``."""
        return f"{self.name} is not mounted. Call mount() first."

    def mount_frame(self, params: Mapping[str, Any]) -> object | None:
        """Return what is sent first, or None if connecting is enough."""
        return None

    def event_frame(self, name: str, params: Mapping[str, Any]) -> object:
        """Return what is sent for an event."""
        raise NotImplementedError(f"{type(self).__name__} has no event_frame().")

    def error(self, frame: Any) -> str | None:
        """Return what a frame says has gone wrong, or None."""
        return None

    def state(self, consumer: AsyncConsumer) -> Mapping[str, Any]:
        """Return the state of the page, by name."""
        raise NotImplementedError(f"{type(self).__name__} has no state().")

    def value(self, consumer: AsyncConsumer, name: str) -> Any:
        """Return a value of the state; raise ``LookupError`` without one."""
        return self.state(consumer)[name]


class PageDriver:
    """What both clients have: assertions, on the last action of a page."""

    def __init__(
        self,
        page: Page,
        *,
        ws_path: str | None = None,
        **options: Unpack[ConnectOptions],
    ) -> None:
        self._run = required(type(self).__name__)
        #: The page that is driven.
        self.page = page
        self._for_test = PageSetup.of(self._run, type(page))
        #: The connection of the page.
        self.communicator = WebsocketCommunicator._from_options(  # noqa: SLF001 - for test cases
            ws_path or page.ws_path, options_of(options)
        )
        self._driver = driver_of(self.communicator)
        self._payloads: list[Any] = []
        self._turn: Turn | None = None
        self._last_result: EventResult | None = None
        self._run.add_cleanup(self._at_end)

    # Actions.

    @contextlib.contextmanager
    def _turn_of(self, action: str) -> Iterator[Turn]:
        """Begin a turn; what the framework catches meanwhile is its own."""
        self._raise_unexamined()
        if self._turn is not None:
            self._turn.end()
        turn = self._turn = Turn(action, self._all_frames)
        with self._for_test.caught.during(turn):
            yield turn

    async def _send(self, frame: object) -> None:
        await self.communicator.send_json(frame)
        await self._driver.connected("send_event()").settle()

    async def _mount(self, params: Mapping[str, Any]) -> None:
        if self._turn is not None:
            raise RuntimeError(f"{self.page.name} is mounted: create another client.")
        with self._turn_of("mount()") as turn:
            if not await self.communicator.connect():
                raise refused(self._driver.connected("mount()"))
            frame = self.page.mount_frame(params)
            if frame is not None:
                await self._send(frame)
        self._raise_errors(turn)
        self._raise_refusal(turn)

    def _raise_refusal(self, turn: Turn) -> None:
        """Raise ``MountRefused`` where a turn did not bring the page."""
        refusal = self._refusal(turn)
        if refusal:
            text = f"{self.page.name} was not mounted: {refusal}\n\n{turn}"
            raise MountRefused(text, turn)

    def _refusal(self, turn: Turn) -> str:
        said = next(filter(None, map(self.page.error, turn.frames)), "")
        connection = self._driver.connected("mount()")
        if not connection.is_open:
            code = f"the connection was closed with code {connection.close_code}."
            return f"{said}; {code}" if said else code
        return said

    async def _send_event(self, name: str, params: Mapping[str, Any]) -> EventResult:
        action = f"send_event({say(name)})"
        before = self.get_state()
        frame = self.page.event_frame(name, params)
        start = time.perf_counter()
        with self._turn_of(action) as turn:
            await self._send(frame)
        seconds = time.perf_counter() - start
        return self._result(turn, before, seconds)

    def _result(
        self, turn: Turn, before: Mapping[str, Any], seconds: float
    ) -> EventResult:
        raised = turn.errors[0] if turn.errors else None
        said = next(filter(None, map(self.page.error, turn.frames)), None)
        error = str(raised) if raised else said
        result = EventResult(
            turn.action,
            raised,
            success=not (raised or said),
            error=error,
            state_before=before,
            state_after=self._state_or_nothing(),
            duration_ms=seconds * 1000,
            frames=turn.frames,
        )
        # Where the test expects the exception, it has been told already.
        told = [error for error in turn.errors if not self._is_news(error)]
        result.is_examined = bool(raised and raised in told)
        self._last_result = result
        return result

    def _is_news(self, error: BaseException) -> bool:
        self._run.errors.record(error)
        return self._run.errors.take(error)

    def _state_or_nothing(self) -> dict[str, Any]:
        """Return the state, or nothing where the event has closed the page."""
        connection = self._driver.connected("send_event()")
        return self.get_state() if connection.is_open else {}

    def _raise_errors(self, turn: Turn) -> None:
        """Raise what the server's code raised in a turn."""
        # A framework may come upon one fault several times.
        faults: dict[object, BaseException] = {}
        for error in turn.errors:
            faults.setdefault((type(error), str(error)), error)
        for error in faults.values():
            self._run.errors.record(error)
        self._run.errors.deliver()

    def _raise_unexamined(self) -> None:
        result, self._last_result = self._last_result, None
        failure = result.failure() if result else None
        if failure is not None:
            raise failure

    def _at_end(self) -> None:
        self._raise_unexamined()

    def _all_frames(self) -> list[Any]:
        connection = self._driver.connection
        if connection is None:
            return []
        frames = self.communicator.frames
        # They count as read: assertions look at all of a turn.
        connection.take_frames()
        self._payloads += map(self._decoded, frames[len(self._payloads) :])
        return self._payloads

    def _decoded(self, frame: str | bytes) -> Any:
        try:
            return self._run.wire.decode_frame(frame)
        except ValueError:
            return frame

    @property
    def turn(self) -> Turn:
        """The frames that the last action caused."""
        if self._turn is None:
            raise RuntimeError(self.page.not_mounted())
        return self._turn

    @property
    def consumer(self) -> AsyncConsumer:
        """The consumer instance behind the page's socket."""
        return self.communicator.consumer

    def get_state(self) -> dict[str, Any]:
        """Return a copy of the page's state, by name."""
        self.turn  # noqa: B018 - raises where nothing is mounted
        return snapshot(self.page.state(self.consumer))

    def assert_state(self, **expected: Any) -> None:
        """Assert that the state has these values; others do not matter."""
        __tracebackhide__ = True
        for name, value in expected.items():
            difference = say_difference(value, self._value(name))
            if difference:
                self._fail(f"State variable {say(name)}: {difference}")

    def assert_state_contains(self, **expected: Any) -> None:
        """
        Assert what is in the state's values.

        A part of a str, some keys of a dict, or some items of a list in any
        order; dicts among those items match by the keys expected.
        """
        __tracebackhide__ = True
        for name, value in expected.items():
            actual = self._value(name)
            if not contains(value, actual):
                self._fail(
                    f"State variable {say(name)}: expected to contain {say(value)}, got"
                    f" {say(actual)}."
                )

    def _value(self, name: str) -> Any:
        __tracebackhide__ = True
        self.turn  # noqa: B018 - raises where nothing is mounted
        try:
            return self.page.value(self.consumer, name)
        except LookupError:
            names = sorted(self.page.state(self.consumer))
            closest = closest_name(name, names)
            hint = f" Did you mean {closest!r}?" if closest else ""
            self._fail(
                f"State variable {say(name)} not found. Available: {say(names)}.{hint}"
            )

    def assert_frame(self, expected: object) -> Any:
        """
        Assert that the last turn held a frame, and return its payload.

        A dict matches by the keys expected.
        """
        __tracebackhide__ = True
        found = self.turn.find(expected)
        if not found:
            verdict = f"No frame of {self.turn.action} matches."
            self._fail(f"{verdict}\n\nExpected: {shorten(in_json(expected))}")
        return found[0]

    def assert_no_frame(self, expected: object) -> None:
        """Assert that no frame of the last turn matches."""
        __tracebackhide__ = True
        if self.turn.find(expected):
            verdict = f"A frame of {self.turn.action} matches, and should not."
            self._fail(f"{verdict}\n\nNot expected: {shorten(in_json(expected))}")

    def _fail(self, text: str) -> Any:
        """Raise a failure that carries the turn and the server's exception."""
        __tracebackhide__ = True
        turn = self.turn
        if self._last_result is not None:
            self._last_result.is_examined = True
        told = "".join(
            f"\n\nThe server raised {type(error).__name__}: {shorten(str(error))}"
            for error in turn.errors[:MAX_LISTED]
        )
        raise AssertionError(f"{text}{told}\n\n{turn}") from next(
            iter(turn.errors), None
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.page.name}>"


class PageClient(PageDriver):
    """
    Drives a page in a sync test. Every call returns at rest.

    Takes a ``Page`` and the options of ``self.connect()``. It works while a
    test case of the kit runs.
    """

    def _run_sync(self, work: Any, name: str) -> Any:
        return self._run.run_in_sync_test(
            work, f"Async{type(self).__name__}(...).{name}"
        )

    def mount(self, **params: Any) -> Self:
        """
        Connect, ask for the page, and return the client.

        Raises what the server's code raises, and ``MountRefused`` where the
        server does not give the page.
        """
        if not self._run.is_async:
            self._driver.ask_test()
        self._run_sync(self._mount(params), "mount")
        return self

    def send_event(self, name: str, /, **params: Any) -> EventResult:
        """Do what the user of the page does; return what came of it."""
        work = self._send_event(name, params)
        result: EventResult = self._run_sync(work, "send_event")
        return result

    def disconnect(self, code: int = 1000, *, reason: str = "") -> None:
        """Leave the page; the server receives ``code`` and ``reason``."""
        work = self.communicator.disconnect(code, reason=reason)
        self._run_sync(work, "disconnect")


class AsyncPageClient(PageDriver):
    """
    Drives a page in an async test, as ``PageClient`` does in a sync one.

    Its actions are coroutines; its assertions are plain methods.
    """

    @kit_coroutine
    async def mount(self, **params: Any) -> Self:
        """Connect and ask for the page: see ``PageClient.mount()``."""
        await self._mount(params)
        return self

    @kit_coroutine
    async def send_event(self, name: str, /, **params: Any) -> EventResult:
        """Do what the user of the page does; return what came of it."""
        return await self._send_event(name, params)

    @kit_coroutine
    async def disconnect(self, code: int = 1000, *, reason: str = "") -> None:
        """Leave the page; the server receives ``code`` and ``reason``."""
        await self.communicator.disconnect(code, reason=reason)
