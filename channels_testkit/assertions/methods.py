"""
The methods and options of a test, for test cases and for other tests.

Attributes are the options of the run; methods settle, assert, connect and run
workers. Nothing here knows a test runner.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Any

from django.db import DEFAULT_DB_ALIAS

from channels_testkit.asgi.scope import ASGI_EXTENSIONS
from channels_testkit.asgi.wire import JsonWire
from channels_testkit.layers.aliases import DEFAULT
from channels_testkit.matching.wording import say
from channels_testkit.running.kit_calls import kit_coroutine
from channels_testkit.running.options import FACTS, RunOptions
from channels_testkit.running.run import TestRun
from channels_testkit.workers.running_worker import RunningWorker

from .budgets import QueryAssertions
from .connecting import Connecting
from .counting import CommitCapture
from .faults import FaultMethods
from .layers import LayerAssertions
from .tasks import TaskAssertions
from .timing import TimeMethods
from .websockets import WebsocketAssertions
from .with_statement import check_entered

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from channels_testkit.asgi.application import ASGIApplication
    from channels_testkit.asgi.breaches import Level
    from channels_testkit.layers.swapping import LayersInPlace
    from channels_testkit.running.options import Backlog, LayerSource, RunLifespan
    from channels_testkit.timeline.timeline import Timeline

__unittest = True


def unbound(case: object, name: str) -> Any:
    """
    Read an attribute of a test case without making a method of a function.

    A property is read as usual.
    """
    found = None
    kind = case if isinstance(case, type) else type(case)
    for owner in (case, *kind.__mro__):
        if name in vars(owner):
            found = vars(owner)[name]
            break
    if isinstance(found, (classmethod, property, functools.cached_property)):
        return getattr(case, name)
    return found.__func__ if isinstance(found, staticmethod) else found


class ChannelMethods(
    LayerAssertions, TaskAssertions, FaultMethods, QueryAssertions, TimeMethods
):
    """The methods and options of a ``ChannelTestCase``."""

    #: The captured aliases of CHANNEL_LAYERS: ``"__all__"`` or a list.
    test_channel_aliases: str | Collection[str] = "__all__"
    #: Where a test's layers come from: ``"captive"``, or ``"configured"`` for
    #: those of CHANNEL_LAYERS, made from each alias's TEST_CONFIG.
    layer_source: LayerSource = "captive"
    #: Whether a send raises for a message that a real layer cannot carry.
    strict_messages: bool = RunOptions.strict_messages
    #: The ASGI application; None is that of ``ASGI_APPLICATION``.
    application: Any = None
    #: The same, under Chanx's name.
    router: Any = None

    #: What an exception of the application does to the test: "fail", "warn"
    #: or "off".
    application_errors: Level = RunOptions.application_errors
    #: The same for breaches of ASGI and RFC 6455, or the names of those that
    #: are let through.
    check_protocol: Level | Collection[str] = RunOptions.check_protocol
    #: The same for messages to a group that a full channel dropped.
    check_dropped: Level = RunOptions.check_dropped
    #: The same for tasks, threads, group memberships, and messages on the
    #: channels of connections, that are still there after all clients left.
    check_leaks: Level = RunOptions.check_leaks
    #: The same for frames that the test has not read.
    check_unread: Level = RunOptions.check_unread
    #: The same for frames on a connection whose login has ended.
    check_revoked: Level = RunOptions.check_revoked

    #: The schema of every frame of the application: a JSON Schema, a pydantic
    #: model, a msgspec type, or a function that takes the payload.
    frame_schema: Any = RunOptions.frame_schema
    #: The same for the frames that clients send.
    sent_frame_schema: Any = RunOptions.sent_frame_schema

    #: Seconds of real time that a call may take, or None for no limit.
    hang_timeout: float | None = RunOptions.hang_timeout
    #: Seconds that a receive waits for a frame that can still come.
    receive_timeout: float = RunOptions.receive_timeout
    #: What happens to the messages that wait for a worker consumer when it
    #: raises: "lost", as with runworker, or "kept" for the next consumer.
    worker_backlog: Backlog = RunOptions.worker_backlog
    #: Thread jobs that are meant to wait, by dotted name or function. The
    #: application is at rest in spite of them.
    background_jobs: Collection[object] = RunOptions.background_jobs
    #: Threads that may act on the application at any time, even if they began
    #: before the test: names, or functions that take a thread and return a
    #: bool.
    outside_threads: Collection[object] = RunOptions.outside_threads
    #: The same for threads that never act on the application.
    idle_threads: Collection[object] = RunOptions.idle_threads

    #: Whether the lifespan of the application runs: ``True`` for each test,
    #: ``"class"`` once for the class, whose tests then share one loop.
    run_lifespan: RunLifespan = RunOptions.run_lifespan

    #: How failures call the object whose methods these are.
    _name_in_tests = "self"

    def _kit_layer_source(self) -> str | Callable[[], LayersInPlace]:
        return self.layer_source

    def get_application(self) -> ASGIApplication | None:
        """Return the class's application, or None for that of the settings."""
        found: ASGIApplication | None = unbound(self, "application")
        return unbound(self, "router") if found is None else found

    @property
    def lifespan_state(self) -> Mapping[str, Any]:
        """
        The state of the lifespan, of which each connection has a copy.

        Raises ``RuntimeError`` if ``run_lifespan`` is not set.
        """
        self._kit.ensure_rest()
        return self._kit.lifespan.values

    @property
    def timeline(self) -> Timeline:
        """
        What all actors of the test have done so far, in one order.

        ``print(self.timeline)`` shows it, ``self.timeline.write_html(path)``
        draws it.
        """
        return self._kit.timeline(self._kit.ensure_rest)

    # Coming to rest.

    def settle(self) -> None:
        """
        Come to rest: return when the application has done all that it can.

        You need it only after the test's own code, or a thread, has sent to a
        layer. Raises an exception that the application raised meanwhile, and
        ``RuntimeError`` in an async test.

        Example::

            ann = self.connect("/ws/room/1/")
            message = {"type": "room.message", "content": "hello"}
            async_to_sync(self.channel_layer.group_send)("room-1", message)
            self.settle()
            self.assertReceivesJson(ann, "hello")
        """
        self._kit.refuse_in_async_test("self.asettle")
        self._kit.ensure_rest()

    @kit_coroutine
    async def asettle(self) -> None:
        """
        Come to rest, in an async test; raise what the application raised.

        You need it before a call that awaits nothing: such a call raises
        ``RuntimeError`` while the application is still working.
        """
        await self._kit.await_rest()

    def background(self, function: object) -> Any:
        """
        Declare, for a ``with`` block, a thread job that is meant to wait.

        It takes the function or its dotted name. The application is at rest in
        spite of such a job.
        """
        return self._kit.background(function)

    def run_worker(self, *channels: str, alias: str = DEFAULT) -> RunningWorker:
        """
        Run the project's worker consumers for a block.

        Takes the channels to serve; without any, it serves all that are
        routed. The block is ``with`` in a sync test and ``async with`` in an
        async test. Fails for a channel that is not routed, and, at the end of
        the block, for a message to a channel that no consumer serves. An
        exception of a worker consumer is raised as that of any consumer;
        ``worker_backlog`` says what happens to the messages behind the one
        that failed.

        At its end the block waits for handlers as a receive does, and then
        ends the consumers.

        Example::

            class Mailer(AsyncConsumer):
                async def deliver(self, message):
                    mailed = {"type": "room.message", "content": message["to"]}
                    await self.channel_layer.group_send("room-1", mailed)

            ann = self.connect("/ws/room/1/")
            with apply_routes({"mails": Mailer.as_asgi()}), self.run_worker():
                Channel("mails").send({"type": "deliver", "to": "ann"})
            self.assertReceivesJson(ann, "ann")
        """
        worker = RunningWorker(self._kit, channels, alias)
        keyword = "async with" if self._kit.is_async else "with"
        check_entered(
            self._kit, "run_worker", lambda: worker.was_entered, keyword=keyword
        )
        return worker

    # Django's own, on the test's connection also in async tests.

    @classmethod
    def captureOnCommitCallbacks(
        cls, *, using: str = DEFAULT_DB_ALIAS, execute: bool = False
    ) -> CommitCapture:
        """
        Capture ``on_commit()`` callbacks, by Django's rule, as a list.

        In an async test ``execute=True`` needs ``async with``; a plain
        ``with`` raises ``RuntimeError`` there.
        """
        return CommitCapture(using, execute=execute)


class WebsocketMethods(WebsocketAssertions, Connecting):
    """The further methods and options of a ``WebsocketTestCase``."""


class OptionsOfTest(RunOptions):
    """The options of a test: its attributes, as they are when read."""

    def __init__(self, test: Any) -> None:
        vars(self)["test"] = test

    test: Any

    @property
    def owner(self) -> str:
        """The class of the test."""
        return type(self.test).__name__

    @property
    def layer_source(self) -> Any:
        """Where layers come from: a name, or what makes them."""
        return self.test._kit_layer_source()  # noqa: SLF001 - not for users

    @property
    def frame_schema(self) -> Any:
        """What frames of the application must be like, or None."""
        return unbound(self.test, "frame_schema")

    @property
    def sent_frame_schema(self) -> Any:
        """What frames of clients must be like, or None."""
        return unbound(self.test, "sent_frame_schema")

    @property
    def wire(self) -> JsonWire:
        """How payloads become frames: the test's own methods, if any."""
        is_wire = isinstance(self.test, JsonWire)
        return self.test if is_wire else RunOptions.wire

    def get_extensions(self) -> Any:
        """Return the ASGI extensions that the server offers."""
        return getattr(self.test, "asgi_extensions", ASGI_EXTENSIONS)


def _attribute(name: str) -> property:
    """Return an option that is an attribute of the test, if it has it."""
    default = getattr(RunOptions, name)
    return property(lambda options: getattr(options.test, name, default))


for _name in {field.name for field in dataclasses.fields(RunOptions)}:
    if _name not in vars(OptionsOfTest) and _name not in FACTS:
        setattr(OptionsOfTest, _name, _attribute(_name))


class TestMethods(WebsocketMethods, ChannelMethods):
    """
    The methods and options of a ``WebsocketTestCase``, without a test case.

    For a test that is a function. Attributes can be given by name, and set
    later. The caller begins and ends ``run``.

    Example::

        test = TestMethods(application=EchoConsumer.as_asgi())
        test.run.begin()
        ann = test.connect("/echo/")
        ann.send_json({"message": "hello"})
        test.assertReceivesJson(ann, {"message": "hello"})
        self.assertEqual(test.run.end(), [])
    """

    __test__ = False
    failureException = AssertionError
    _name_in_tests = "test"

    def __init__(self, **attributes: Any) -> None:
        for name, value in attributes.items():
            if not hasattr(type(self), name):
                raise TypeError(f"A test has no attribute {say(name)}.")
            setattr(self, name, value)
        #: The run of the test.
        self.run = TestRun(self._kit_options())

    def _kit_options(self) -> OptionsOfTest:
        return OptionsOfTest(self)

    @property
    def _kit(self) -> TestRun:
        return self.run

    def fail(self, msg: object = None) -> Any:
        """Raise a failure."""
        raise self.failureException(msg)
