"""A test process that is killed leaves no browser behind, and no server."""

from __future__ import annotations

import os
import unittest
from pathlib import Path

from channels_testkit.redis import requires_redis
from tests.browser.outer import BrowserOuterTestCase
from tests.families import family
from tests.utils import starts_programs

INNER = """
from channels_testkit.browser import BrowserTestCase
from channels_testkit.redis import RedisServer
from family import ready, wait_for_go

class {name}(BrowserTestCase):
    def test_it(self):
        redis = RedisServer.obtain().url.removeprefix("unix://")
        self.open_page("/pages/room/")
        browsers = [self.browser, *(self.new_browser() for _ in range({others}))]
        profiles = [it.capabilities["chrome"]["userDataDir"] for it in browsers]
        ready(redis, *profiles)
        wait_for_go()
"""
ONE = {"test_one": INNER.format(name="OneTests", others=1)}
TWO = {
    "test_one": INNER.format(name="OneTests", others=0),
    "test_other": INNER.format(name="OtherTests", others=0),
}
DJANGO = ("-m", "django", "test", "--settings=tests.settings", "--noinput")
PYTEST = ("-m", "pytest", "--ds=tests.settings", "-q", "-p", "no:randomly")


@requires_redis
@starts_programs
@unittest.skipUnless(hasattr(os, "pidfd_open"), "needs Linux")
class KilledTests(BrowserOuterTestCase):
    """Each takes some seconds: it starts two browsers, and Redis."""

    def assert_leaves_nothing(self, *arguments, number=1, **modules):
        with family(*arguments, **modules) as found:
            paths = [Path(it) for it in found.wait_for_ready(number)]
            self.assertEqual([it for it in paths if not it.exists()], [])
            self.assertEqual(found.kill(), {})
        # Each is in a folder of its own.
        self.assertEqual([it for it in paths if it.parent.exists()], [])

    def test_by_djangos_runner(self):
        self.assert_leaves_nothing(*DJANGO, "test_one", **ONE)

    def test_by_djangos_runner_in_processes(self):
        self.assert_leaves_nothing(*DJANGO, "--parallel=2", number=2, **TWO)

    def test_by_pytest_in_processes(self):
        self.assert_leaves_nothing(*PYTEST, "-n2", number=2, **TWO)
