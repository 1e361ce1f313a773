"""What docs/topics/types.rst says of tests without annotations."""

from __future__ import annotations

import importlib.util
import unittest

from tests.utils import run_python, starts_programs

from .commands import PAGES, ROOT, check_command, commands_of

CONFIGURATION = ROOT / "tests" / "docs" / "mypy.ini"
ROOM = """
    from channels_testkit import WebsocketTestCase


    class RoomTests(WebsocketTestCase):
        def test_room(self):
            self.connect(usr=None)
"""


@unittest.skipUnless(
    importlib.util.find_spec("mypy"), "this runs mypy (python -m pip install mypy)"
)
@starts_programs
class UnannotatedTests(unittest.TestCase):
    def mypy(self, configuration: str) -> str:
        arguments = ("-m", "mypy", "--config-file", configuration, "test_room.py")
        return run_python(*arguments, test_room=ROOM)

    def test_they_are_left_out(self) -> None:
        self.assertIn("Success: no issues found", self.mypy(""))

    def test_they_are_checked_where_that_is_turned_on(self) -> None:
        printed = self.mypy(str(CONFIGURATION))
        self.assertIn('Unexpected keyword argument "usr"', printed)


class CommandTests(unittest.TestCase):
    def test_commands_are_such_that_can_be_typed(self) -> None:
        found = commands_of(PAGES / "types.rst")
        self.assertEqual(len(found), 2)
        for command in found:
            check_command(command)
