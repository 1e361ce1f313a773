"""What failures show of the timeline, and the folder with diagrams."""

from __future__ import annotations

import os
import re
import tempfile
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

from channels_testkit import SimpleWebsocketTestCase, explore_schedules
from channels_testkit.timeline.folder import FOLDER, safe_name
from tests.app.consumers import EchoConsumer
from tests.utils import run_case, run_python, starts_programs, told_with

KEPT = ValueError("kept by the project")
TITLE = "The last of"


class Echo(EchoConsumer):
    """An echo that some tests fail with."""

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        if "kept" in content:
            raise KEPT
        await super().receive_json(content)


class EchoTestCase(SimpleWebsocketTestCase):
    application: Any = Echo.as_asgi()
    ws_path = "/"


class Failing(EchoTestCase):
    __test__ = False  # pytest is not to find them: they fail.

    def test_alone(self) -> None:
        self.connect(name="ann")
        assert 1 == 2

    def test_two(self) -> None:
        ann, _ben = self.connect(name="ann"), self.connect(name="ben")
        ann.send_json({"n": 1})
        self.assertReceivesJson(ann, {"n": 2})

    def test_many_events(self) -> None:
        ann, _ben = self.connect(name="ann"), self.connect(name="ben")
        for number in range(50):
            ann.send_json({"n": number})
        self.assertReceivesNothing(ann)

    def test_many_clients(self) -> None:
        clients = [self.connect(name=f"n. {number}") for number in range(9)]
        for client in clients:
            client.send_json({"n": 1})
        clients[0].send_json({"n": 2})
        self.assertEqual(len(clients), 10)

    def test_kept(self) -> None:
        ann, _ben = self.connect(name="ann"), self.connect(name="ben")
        ann.send_json({"kept": True})

    def test_misused(self) -> None:
        self.connect(name="ann"), self.connect(name="ben")
        self.assertReceivesJson("ann", {})  # type: ignore[arg-type]

    def test_skipped(self) -> None:
        self.connect(name="ann"), self.connect(name="ben")
        self.skipTest("not now")

    def test_subtests(self) -> None:
        ann, _ben = self.connect(name="ann"), self.connect(name="ben")
        for number in range(2):
            with self.subTest(number):
                ann.send_json({"n": number})
                self.assertReceivesNothing(ann)

    def test_left_at_the_end(self) -> None:
        self.check_unread = "fail"
        self.connect(name="ann")
        self.connect(name="ben").send_json({"n": 1})

    @explore_schedules(3)
    def test_explored(self) -> None:
        ann, _ben = self.connect(name="ann"), self.connect(name="ben")
        ann.send_json({"n": 1})
        self.assertReceivesJson(ann, {"n": 2})


def failures_of(name: str) -> list[str]:
    return [told_with(error) for error in run_case(Failing, name).raised]


class OverTests(unittest.TestCase):
    """Only a test that has failed keeps its events."""

    def run_of(self, *, passes: bool) -> Any:
        runs = []

        class Inner(EchoTestCase):
            def test_it(self) -> None:
                runs.append(self._kit)
                self.connect(name="ann")
                self.assertTrue(passes)

        self.assertEqual(not run_case(Inner).raised, passes)
        return runs[0]

    def test_passed(self) -> None:
        with self.assertRaises(RuntimeError) as caught:
            self.run_of(passes=True).timeline()
        self.assertEqual(
            str(caught.exception),
            "self.timeline belongs to a test that has ended, and only a failed test"
            " keeps its timeline. Read it in the test, or in tearDown().",
        )

    def test_failed(self) -> None:
        self.assertIn("ann", str(self.run_of(passes=False).timeline()))


class LastEventsTests(unittest.TestCase):
    maxDiff = None

    def test_one_actor_has_a_transcript(self) -> None:
        (text,) = failures_of("test_alone")
        self.assertNotIn(TITLE, text)

    def test_two_have_one_order(self) -> None:
        (text,) = failures_of("test_two")
        self.assertEqual(
            text.partition("\n\nThe last")[2],
            """\
 of 6 events, in one order; print(self.timeline) shows them all:
     1  ann     numbers 1 and 2 above
     3  ben  -> connect /
     4  ben  <- accept
     5  ann     numbers 3 and 4 above""",
        )

    def test_misuse_has_nothing_to_do_with_it(self) -> None:
        (text,) = failures_of("test_misused")
        self.assertNotIn(TITLE, text)

    def test_many_are_bounded(self) -> None:
        (text,) = failures_of("test_many_events")
        _, _, shown = text.partition(f"{TITLE} 104 events")
        self.assertEqual(len(shown.splitlines()), 1 + 15)
        last = "    93  ann     numbers 91 to 102 above"
        self.assertEqual(shown.splitlines()[-1], last)

    def test_those_who_do_the_same_are_shown_in_short(self) -> None:
        (text,) = failures_of("test_many_clients")
        self.assertEqual(
            text.partition("them all:\n")[2],
            """\
     1  n. 0  -> connect /
     2  n. 0  <- accept
     3  n. 1  -> connect /
     4  n. 1  <- accept
    18  n. 8     the same, after 6 others
    19  n. 0  -> text    {"n": 1}
    20  n. 0  <- text    {"n": 1}
    21  n. 1  -> text    {"n": 1}
    22  n. 1  <- text    {"n": 1}
    36  n. 8     the same, after 6 others
    37  n. 0  -> text    {"n": 2}
    38  n. 0  <- text    {"n": 2}""",
        )

    def test_an_exception_that_is_raised_again_has_the_last_ones(self) -> None:
        first = failures_of("test_kept")[0]
        again = failures_of("test_kept")[0]
        self.assertEqual(first, again)
        self.assertEqual(again.count(TITLE), 1)

    def test_what_is_told_later_does_not_repeat_it(self) -> None:
        texts = failures_of("test_subtests")
        self.assertEqual([text.count(TITLE) for text in texts], [1, 0])

    def test_what_is_told_at_the_end_has_it(self) -> None:
        (text,) = failures_of("test_left_at_the_end")
        self.assertIn(TITLE, text)
        self.assertIn("-> disconnect code=1000", text)

    def test_a_schedule_is_one_order_already(self) -> None:
        (text,) = failures_of("test_explored")
        self.assertIn("'n'", text)


class FolderTests(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.folder = Path(directory.name, "timelines")
        patch = mock.patch.dict(os.environ, {FOLDER: str(self.folder)})
        patch.start()
        self.addCleanup(patch.stop)

    def left(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("*"))

    def test_a_failure_names_its_diagram(self) -> None:
        (text,) = failures_of("test_two")
        name = "tests.timeline.test_failures.Failing.test_two.html"
        self.assertEqual(text.splitlines()[-1], f"Timeline: {self.folder / name}")
        self.assertEqual(self.left(), [name])
        self.assertIn("raises AssertionError", (self.folder / name).read_text())

    def test_one_actor_has_one_too(self) -> None:
        (text,) = failures_of("test_alone")
        self.assertIn("\nTimeline: ", text)
        self.assertEqual(len(self.left()), 1)

    def test_a_test_that_passes_or_is_skipped_has_none(self) -> None:
        self.assertEqual(failures_of("test_skipped"), [])
        self.assertEqual(self.left(), [])

    def test_each_subtest_names_the_same(self) -> None:
        named = {
            re.findall("Timeline: .*", it)[0] for it in failures_of("test_subtests")
        }
        self.assertEqual(len(named), 1)
        (name,) = self.left()
        page = (self.folder / name).read_text()
        self.assertEqual(page.count('"text": "raises AssertionError: '), 2)

    def test_a_schedule_that_fails_has_its_own(self) -> None:
        (text,) = failures_of("test_explored")
        self.assertEqual(text.count("Timeline: "), 1)
        self.assertEqual(len(self.left()), 1)

    def test_a_folder_that_cannot_be_made_is_told(self) -> None:
        self.folder.write_text("no folder")
        (text,) = failures_of("test_two")
        last = text.splitlines()[-1]
        self.assertTrue(last.startswith(f"No timeline was left where {FOLDER} says: "))

    def test_names_are_safe(self) -> None:
        self.assertEqual(safe_name("a.B.test_c"), "a.B.test_c.html")
        odd = ("t.py::f[a/b]", "t.py::f[a_b]", "../x", "ä" * 200, "x" * 300, "\udcff")
        names = {safe_name(name) for name in odd}
        self.assertEqual(len(names), len(odd))
        for name in names:
            with self.subTest(name):
                self.assertRegex(name, r"^[A-Za-z0-9_][\w.-]{0,170}-[0-9a-f]{8}\.html$")


@starts_programs
class ParallelTests(unittest.TestCase):
    def test_processes_leave_theirs_in_one_folder(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            with mock.patch.dict(os.environ, {FOLDER: folder}):
                printed = run_python(
                    *("-m", "django", "test", "--settings=tests.settings"),
                    *("--parallel=2", "inner_one", "inner_two"),
                    inner_one=INNER,
                    inner_two=INNER,
                )
            names = sorted(path.name for path in Path(folder).iterdir())
            self.assertEqual(
                names,
                ["inner_one.RoomTests.test.html", "inner_two.RoomTests.test.html"],
                printed,
            )
            # Without tblib, Django shows one of them.
            self.assertIn("All 4 events, in one order:", printed)
            self.assertIn(f"Timeline: {folder}", printed)


INNER = """
    from channels_testkit import WebsocketTestCase
    from tests.app.consumers import EchoConsumer

    class RoomTests(WebsocketTestCase):
        application = EchoConsumer.as_asgi()

        def test(self):
            ann, ben = self.connect("/"), self.connect("/")
            assert 1 == 2
"""


def load_tests(loader: Any, tests: Any, pattern: Any) -> Any:
    """Leave the tests that fail out."""
    del pattern
    kept = (LastEventsTests, FolderTests, ParallelTests)
    return tests.__class__(map(loader.loadTestsFromTestCase, kept))
