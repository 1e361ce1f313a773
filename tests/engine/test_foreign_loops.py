"""The engine on the loops that pytest-asyncio and anyio make, in real runs."""

from __future__ import annotations

import unittest

from tests.utils import run_python, starts_programs

#: Each job in pytest's own thread, by the loop that the plugin has made; the
#: same for code of a sync test, which finds no loop of others' afterwards.
TESTS = """
    import asyncio
    import queue
    import threading

    from asgiref.sync import async_to_sync, sync_to_async

    OWN = threading.main_thread().ident

    async def ask(loop_scope):
        told = queue.Queue()
        loop = asyncio.get_running_loop()

        def job():
            loop.call_soon_threadsafe(told.put, "told")
            return told.get(timeout=5), threading.get_ident()

        async def deeper():
            return await sync_to_async(threading.get_ident)()

        def nested():
            return async_to_sync(deeper)()

        assert await sync_to_async(job)() == ("told", OWN)
        assert await sync_to_async(nested)() == OWN
"""
PYTEST_ASYNCIO = """
    import pytest
    import pytest_asyncio

    from tests.engine.fidelity import attached

    pytestmark = pytest.mark.asyncio(loop_scope="SCOPE")

    @pytest_asyncio.fixture(autouse=True, loop_scope="SCOPE")
    async def engine(request):
        if request.node.get_closest_marker("plain"):
            yield
        else:
            with attached(asyncio.get_running_loop()):
                yield

    async def test_first():
        await ask("SCOPE")

    async def test_second():
        await ask("SCOPE")

    @pytest.mark.plain
    async def test_is_asgirefs_again():
        assert await sync_to_async(threading.get_ident)() != OWN
"""
OF_THE_SESSION = """
    import pytest

    from tests.engine.fidelity import attached

    @pytest.mark.asyncio(loop_scope="session")
    async def test_first():
        with attached(asyncio.get_running_loop()):
            await ask("session")
"""
SYNC_AFTERWARDS = """
    def test_sync_afterwards():
        async def on_a_loop_of_its_own():
            return await sync_to_async(threading.get_ident)()

        assert async_to_sync(on_a_loop_of_its_own)() == OWN
"""
ANYIO = """
    import pytest

    from tests.engine.fidelity import attached

    @pytest.fixture
    def anyio_backend():
        return "asyncio"

    @pytest.mark.anyio
    async def test_first():
        with attached(asyncio.get_running_loop()):
            await ask("anyio")

    @pytest.mark.anyio
    async def test_second():
        with attached(asyncio.get_running_loop()):
            await ask("anyio")
"""


@starts_programs
class PytestTests(unittest.TestCase):
    def run_pytest(self, *parts: str) -> str:
        return run_python(
            *("-W", "error", "-m", "pytest", "-q", "-p", "no:django"),
            *("-o", "asyncio_default_fixture_loop_scope=function"),
            *("-o", "markers=plain: without the engine", "test_loops.py"),
            test_loops="".join(parts),
        )

    def test_loops_of_pytest_asyncio(self) -> None:
        for scope in ("function", "module", "session"):
            with self.subTest(scope):
                tests = PYTEST_ASYNCIO.replace("SCOPE", scope)
                printed = self.run_pytest(TESTS, tests)
                self.assertIn("3 passed", printed)

    def test_a_sync_test_after_a_loop_of_the_session(self) -> None:
        printed = self.run_pytest(TESTS, OF_THE_SESSION, SYNC_AFTERWARDS)
        self.assertIn("2 passed", printed)

    def test_the_loop_of_anyio(self) -> None:
        printed = self.run_pytest(TESTS, ANYIO, SYNC_AFTERWARDS)
        self.assertIn("3 passed", printed)
