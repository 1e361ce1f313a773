"""Programs end with the process that has started them."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from channels_testkit.engine.programs import Watcher
from tests.families import family

SECONDS = 10  # that nothing here takes
#: A program that does not end by itself, in a shell that waits for it.
PROGRAM = ("sh", "-c", "echo begun; tail -f /dev/null; exit")
STARTS = f"""
import os, subprocess, sys, tempfile
from channels_testkit.engine.programs import Watcher
from family import ready, wait_for_go

directory = tempfile.mkdtemp()
arguments = Watcher(directory).arguments(*{PROGRAM})
program = subprocess.Popen(
    ["sh", *arguments], stdout=subprocess.PIPE, start_new_session=True
)
program.stdout.readline()
"""
WAITS = f"""{STARTS}
ready(directory)
wait_for_go()
"""
# The child lives as long as the program.
FORKS = f"""{STARTS}
if os.fork():
    wait_for_go()
else:
    ready(directory)
    program.stdout.read()
"""


@unittest.skipUnless(hasattr(os, "pidfd_open"), "needs Linux")
@unittest.skipUnless(Path("/proc/self").exists(), "needs /proc")
class KilledTests(unittest.TestCase):
    def assert_leaves_nothing(self, code: str) -> None:
        with family("-c", code) as found:
            [directory] = found.wait_for_ready(1)
            self.assertEqual(found.kill(), {})
        self.assertFalse(Path(directory).exists())

    def test_program_ends_with_its_process(self) -> None:
        self.assert_leaves_nothing(WAITS)

    def test_forked_process_does_not_keep_it(self) -> None:
        self.assert_leaves_nothing(FORKS)


class EndTests(unittest.TestCase):
    def setUp(self) -> None:
        self.directory = Path(tempfile.mkdtemp())
        self.watcher = Watcher(str(self.directory))
        self.addCleanup(self.watcher.end)

    def start(self, *command: str) -> subprocess.Popen[str]:
        program = subprocess.Popen(
            ["sh", *self.watcher.arguments(*command)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            text=True,
        )
        self.addCleanup(program.communicate)
        return program

    def test_program_and_directory_are_gone(self) -> None:
        program = self.start(*PROGRAM)
        self.assertEqual(program.stdout and program.stdout.readline(), "begun\n")
        (self.directory / "file").touch()
        self.watcher.end()
        self.assertFalse(self.directory.exists())
        self.assertLess(program.wait(SECONDS), 0)

    def test_directory_that_the_program_makes_anew_is_gone(self) -> None:
        again = 'echo begun; while :; do mkdir -p "$0/again"; done'
        program = self.start("sh", "-c", again, str(self.directory))
        self.assertEqual(program.stdout and program.stdout.readline(), "begun\n")
        self.watcher.end()
        self.assertFalse(self.directory.exists())

    def test_directory_goes_without_a_program(self) -> None:
        self.watcher.end()
        self.assertFalse(self.directory.exists())

    def test_end_that_has_been_is_no_error(self) -> None:
        self.watcher.end()
        self.watcher.end()

    def test_program_that_comes_later_does_not_begin(self) -> None:
        self.watcher.end()
        program = self.start(sys.executable, "-c", "print('begun')")
        self.assertEqual(program.communicate(timeout=SECONDS)[0], "")
        self.assertNotEqual(program.returncode, 0)

    def test_directory_that_is_gone_is_no_error(self) -> None:
        self.directory.rmdir()
        self.watcher.end()
