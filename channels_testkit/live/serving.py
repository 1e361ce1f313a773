"""The live server of a test case class, and what one test has of it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from typing import TYPE_CHECKING

from django.core.exceptions import ImproperlyConfigured

from channels_testkit.asgi.recorder import recorder
from channels_testkit.engine.sharing import take_turns_back
from channels_testkit.engine.tracebacks import hide_kit_frames
from channels_testkit.layers.aliases import layer_in_place
from channels_testkit.routing.application import (
    check_application,
    serves_http,
    worker_routes,
)
from channels_testkit.running.lifespan import application_of
from channels_testkit.workers.running_worker import Workers

from .connections import LiveConnections
from .databases import live_databases
from .files import with_files
from .frame_schemas import with_schemas
from .handlers import FreshMiddleware
from .lifespan import LiveLifespan
from .servers import default_server_class
from .workers import LiveWorkers, channels_to_serve

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from channels_testkit.asgi.application import ASGIApplication
    from channels_testkit.running.options import RunLifespan
    from channels_testkit.running.run import TestRun

    from .servers import Server

__unittest = True

#: How long an application has to start, where the test has no bound.
_SECONDS_TO_START = 30.0
_NO_LOOP = (
    "run_lifespan has to know on which loop {0} runs the application: derive {0} from"
    " LoopServer, or set loop in start()."
)
#: How long an application has to end when its client has gone.
_SECONDS_TO_END = 5.0


class LiveServer:
    """
    A server that runs for a test case class, and serves while a test runs.

    A context manager. ``begin()`` and ``end()`` are called around each test.
    """

    def __init__(
        self,
        *,
        owner: str,
        host: str,
        port: int,
        server_class: type[Server] | None,
        databases: Collection[str],
        static_wrapper: Callable[[ASGIApplication], ASGIApplication] | None,
        class_application: Callable[[], ASGIApplication],
        run_lifespan: RunLifespan = False,
        hang_timeout: float | None = None,
        rolls_back: bool = False,
    ) -> None:
        self._owner = owner
        self._rolls_back = rolls_back
        self._hang_timeout = hang_timeout
        self._run_lifespan = run_lifespan
        self._seconds_to_start = hang_timeout or _SECONDS_TO_START
        self._lifespan: LiveLifespan | None = None
        self._host = host
        self._port = port
        self._server_class = server_class
        self._databases = databases
        self._static_wrapper = static_wrapper
        self._class_application = class_application
        self._connections = LiveConnections(
            self._application, self._report, self._remark
        )
        self._middleware = FreshMiddleware()
        self._run: TestRun | None = None
        self._workers: LiveWorkers | None = None
        #: What was raised while no test ran.
        self._unreported: list[BaseException] = []
        self._told: list[BaseException] = []

    @property
    def address(self) -> str:
        """Where it listens, as a URL has it."""
        return f"{in_url(self._host)}:{self._socket.getsockname()[1]}"

    def __enter__(self) -> LiveServer:
        server_class = self._server_class or default_server_class()
        with contextlib.ExitStack() as undo:
            undo.enter_context(
                live_databases(
                    self._databases,
                    rolls_back=self._rolls_back,
                    seconds=self._seconds_for_a_turn,
                )
            )
            self._socket = undo.enter_context(
                listening_socket(self._host, self._port, self._owner)
            )
            self._mute_logs(server_class.loggers, undo)
            undo.enter_context(self._middleware)
            recorder.hold()
            undo.callback(recorder.release)
            self._connections.connect_signal()
            undo.callback(self._connections.disconnect_signal)
            server = self._server = server_class(self._connections, self._socket)
            server.remark = self._remark
            self._connections.server = server
            server.start()
            undo.callback(server.stop)
            if self._run_lifespan is not True:
                undo.callback(self._stop_lifespan)
                self._start_lifespan(self._class_application)
            self._undo = undo.pop_all()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop the server, if it runs; raise what was not reported."""
        try:
            self._undo.close()
        except BaseException as error:
            hide_kit_frames(error)
            # Python 3.10 gives a bare raise the traceback of before.
            raise error
        for untold in self._take_unreported():
            raise untold

    # One test.

    def begin(self, run: TestRun, *, channels: Collection[str], threads: int) -> None:
        """Serve a test, with its worker consumers."""
        application = check_application(run.routed_application())
        served = channels_to_serve(channels, worker_routes(application))
        self._run, self._told, self._served = run, [], served
        self._middleware.forget()
        self._name = f"the live server at {self.address}"
        run.outside.names.append(self._name)
        Workers.of(run).served += served
        run.outside.closers.append(self.end)
        run.outside.catch_up = self._connections.catch_up
        for error in self._take_unreported():
            run.errors.record(error)
        self._connections.background_jobs = run.background_jobs
        self._workers = LiveWorkers(
            application,
            served,
            threads=threads,
            report=self._report,
            remark=self._remark,
            background_jobs=run.background_jobs,
            keeps_backlog=lambda: run.options.worker_backlog == "kept",
        )
        if self._run_lifespan is True:
            self._start_lifespan(lambda: application_of(run.options)[0])
        if self._lifespan is not None and self._server.loop is not None:
            self._connections.watch(self._server.loop)
            run.lifespan.find_state = lambda: self._connections.state or {}
        self._workers.start()
        self._connections.open()

    def end(self) -> None:
        """End what the test's clients and workers have under way."""
        run, workers = self._run, self._workers
        if run is None or workers is None:
            return
        timeout = min(_SECONDS_TO_END, run.options.hang_timeout or _SECONDS_TO_END)
        with contextlib.ExitStack() as steps:
            # The last one first, whatever the others raise.
            steps.callback(self._forget_run)
            steps.callback(self._take_turns_back, timeout)
            steps.callback(self._end_tasks, run, timeout)
            steps.callback(run.layers_in_place.leave_other_loops)
            if self._run_lifespan is True:
                steps.callback(self._stop_lifespan)
            if self._served and not run.raised:
                # Else it may not have come to what it does with a message.
                steps.callback(Workers.of(run).check_served, layer_in_place())
            steps.callback(workers.stop, timeout)
            run.outside.left += self._connections.end_all(timeout)

    def _seconds_for_a_turn(self) -> float | None:
        """Return how long a thread waits for the connection of the test."""
        run = self._run
        return self._hang_timeout if run is None else run.options.hang_timeout

    def _start_lifespan(self, find: Callable[[], ASGIApplication]) -> None:
        """Start the application, if the test or the server wants that."""
        wanted = "on" if self._run_lifespan else self._server.lifespan
        if wanted == "off":
            return
        try:
            application = check_application(find())
        except ImproperlyConfigured:
            if wanted == "on":
                raise
            return  # The class has none: its tests have their own.
        loop = self._server.loop
        if loop is None:
            raise ImproperlyConfigured(_NO_LOOP.format(type(self._server).__name__))
        lifespan = LiveLifespan(
            f"The application of {self._owner}",
            loop,
            self._report,
            self._seconds_to_start,
        )
        if lifespan.start(application, is_needed=wanted == "on"):
            self._lifespan = lifespan
            self._connections.state = lifespan.values

    def _stop_lifespan(self) -> None:
        lifespan, self._lifespan = self._lifespan, None
        self._connections.state = None
        if lifespan is None:
            return
        try:
            lifespan.stop()
        finally:
            if self._run is not None:
                self._run.outside.left += lifespan.left

    def _end_tasks(self, run: TestRun, timeout: float) -> None:
        run.outside.left += self._connections.end_tasks(timeout)

    def _take_turns_back(self, timeout: float) -> None:
        for error in take_turns_back(timeout):
            self._report(error)

    def _forget_run(self) -> None:
        if self._run is not None:
            self._run.outside.names.remove(self._name)
        self._run = self._workers = None

    def _application(self, kind: str) -> ASGIApplication:
        """Return what serves a client who comes now."""
        run = self._run
        found = self._class_application() if run is None else run.routed_application()
        if kind == "http" and not serves_http(found):
            # Routes that are applied to a test are those of its WebSockets.
            found = self._class_application()
        if kind == "http":
            self._middleware.load(found)
        served = check_application(found)
        if kind == "websocket":
            served = with_schemas(served, run, self._report)
        return with_files(served, self._static_wrapper)

    def _report(self, error: BaseException) -> None:
        if self._run is None:
            self._unreported.append(error)
            return
        self._run.errors.record(error)
        if self._run.options.application_errors != "off":
            self._told.append(error)

    def _remark(self, text: object) -> None:
        if self._run is not None and text not in self._run.outside.remarks:
            self._run.outside.remarks.append(text)

    def _take_unreported(self) -> list[BaseException]:
        untold, self._unreported = self._unreported, []
        return untold

    def _mute_logs(self, names: Collection[str], undo: contextlib.ExitStack) -> None:
        """Keep the server from logging what the test reports."""

        def is_news(record: logging.LogRecord) -> bool:
            error = record.exc_info[1] if record.exc_info else None
            # What is cancelled at the end is reported as a leak.
            is_cancelled = isinstance(error, asyncio.CancelledError)
            return not (is_cancelled or any(error is told for told in self._told))

        for name in names:
            logger = logging.getLogger(name)
            logger.addFilter(is_news)
            undo.callback(logger.removeFilter, is_news)


def in_url(host: str) -> str:
    """Return a host as it is written in a URL."""
    return f"[{host}]" if ":" in host else host


def listening_socket(host: str, port: int, owner: str) -> socket.socket:
    """
    Return a socket that listens.

    Raises what the system does, ``OSError``, with the address in it.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        sock = socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        # Python says in brackets what is said here, too.
        reason = str(error.strerror).partition(" (")[0]
        raise OSError(
            error.errno,
            f"{reason}: {owner} cannot listen on {host}, port {port}. With"
            " port = 0 the system chooses one that is free.",
        ) from None
    sock.settimeout(0)
    return sock
