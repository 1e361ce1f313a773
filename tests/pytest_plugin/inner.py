"""Running pytest on test functions, in a process of its own."""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import re
import unittest
from typing import NamedTuple

from tests.utils import run_python, starts_programs

LOOPS = ("-o", "asyncio_default_fixture_loop_scope=function")
#: Daphne calls what Python 3.14 deprecates.
OF_DAPHNE = "ignore:'asyncio.iscoroutinefunction':DeprecationWarning"
#: Of pytest-randomly, which else is left out.
SEED = "--randomly-seed="
#: What the inner tests have at hand.
CONSUMERS = """
    import asyncio
    import threading

    from asgiref.sync import async_to_sync, sync_to_async
    from channels.db import database_sync_to_async
    from channels.generic.websocket import (
        AsyncJsonWebsocketConsumer,
        JsonWebsocketConsumer,
    )
    from channels.layers import get_channel_layer

    from tests.app.models import Note

    class Room(AsyncJsonWebsocketConsumer):
        groups = ["room"]

        async def receive_json(self, content, **options):
            if content == "raise":
                raise ValueError("asked for")
            if content == "fail later":
                self.later = asyncio.create_task(self.fail())
                return
            if content == "count":
                content = await Note.objects.acount()
            await self.send_json(content)

        async def fail(self):
            raise LookupError("nobody awaits this")

        async def tell(self, event):
            await self.send_json(event["text"])

    class Notes(JsonWebsocketConsumer):
        def receive_json(self, content, **options):
            Note.objects.create(text=str(content))
            self.send_json([Note.objects.count(), threading.get_ident()])

    OWN = threading.main_thread().ident
    ROOM, NOTES = Room.as_asgi(), Notes.as_asgi()
"""


class Ended(NamedTuple):
    """What a run of pytest has printed, and how many tests did what."""

    printed: str

    def __getattr__(self, word: str) -> int:
        found = re.findall(rf"(\d+) {word}\b", self.printed.rpartition("\n=")[2])
        return int(found[-1]) if found else 0


def needs(*modules: str) -> unittest.case.SkipTest:
    """Return a decorator that skips a class without what pytest needs."""
    lacking = [name for name in modules if importlib.util.find_spec(name) is None]
    return unittest.skipIf(
        lacking, f"these run pytest with {', '.join(lacking)} (pip install them)"
    )


@functools.cache
def plugin_options() -> tuple[str, ...]:
    """Load the plugin where the package is not installed."""
    names = {point.name for point in importlib.metadata.entry_points(group="pytest11")}
    is_there = "channels_testkit" in names
    return () if is_there else ("-p", "channels_testkit.pytest.plugin")


def _unused_plugins(tests: str, options: tuple[str, ...]) -> list[str]:
    """Leave out what another order, or an import of a second, would bring."""
    unused = []
    if not any(SEED in option for option in options):
        unused += ["-p", "no:randomly"]
    if "hypothesis" not in tests:
        unused += ["-p", "no:hypothesispytest"]
    return unused


@starts_programs
class PytestCase(unittest.TestCase):
    """Has ``pytest()``, which runs it on test functions."""

    maxDiff = None

    def pytest(
        self,
        tests: str,
        *options: str,
        database: str | None = "sqlite-memory",
        settings: str = "tests.settings",
        may_leak: bool = False,
        **modules: str,
    ) -> Ended:
        """
        Run a module of test functions; every warning is an error.

        Without ``settings`` there is no Django. With ``may_leak``, files and
        connections may be left open.
        """
        of_django = (f"--ds={settings}",) if settings else ("-p", "no:django")
        leaks = ("-W", "ignore::ResourceWarning") if may_leak else ()
        printed = run_python(
            *("-X", "dev", "-W", "error", "-W", OF_DAPHNE, *leaks),
            *("-m", "pytest", "-rA", *plugin_options()),
            *("-p", "no:cacheprovider", *of_django),
            *_unused_plugins(tests, options),
            *(LOOPS if "no:asyncio" not in options else ()),
            *options,
            "test_inner.py",
            database=database,
            test_inner=tests,
            **modules,
        )
        self.assertNotIn("Exception ignored", printed)
        return Ended(printed)

    def assert_outcomes(self, ended: Ended, **counts: int) -> None:
        """Assert how many tests did what, with all that was printed."""
        words = ("passed", "failed", "errors", "error", "warnings", "skipped")
        found = {word: count for word in words if (count := getattr(ended, word))}
        self.assertEqual(found, counts, ended.printed)
