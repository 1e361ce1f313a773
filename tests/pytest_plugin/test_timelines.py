"""The timeline in functions of pytest: fixture, reports, folder."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from unittest import mock

from channels_testkit.timeline.folder import FOLDER

from .inner import CONSUMERS, PytestCase, needs

TESTS = (
    CONSUMERS
    + """
    import pytest

    from channels_testkit import explore_schedules

    pytestmark = pytest.mark.channels_test(application=ROOM)

    def test_passes(channels_test, ws_connect):
        ann, ben = ws_connect("/", name="ann"), ws_connect("/", name="ben")
        ann.send_json("hello")
        lines = str(channels_test.timeline).splitlines()
        assert lines[0] == "Timeline of test_inner.py::test_passes:"
        assert lines[-1].endswith('ann  <- text    "hello"')

    async def test_passes_async(channels_test, aws_connect, tmp_path):
        ann = await aws_connect("/", name="ann")
        await ann.send_json_to("hello")
        assert len(channels_test.timeline) == 5
        channels_test.timeline.write_html(tmp_path / "it.html")

    @pytest.mark.django_db
    def test_database(channels_test):
        from tests.app.models import Note

        Note.objects.create(text="one")
        lines = str(channels_test.timeline).splitlines()
        assert len(lines) == 2 and lines[1].endswith("INSERT app_note")

    @pytest.mark.parametrize("path", ["/a/b", "/a_b"])
    def test_two(ws_connect, path):
        ann, ben = ws_connect(path, name="ann"), ws_connect(path, name="ben")
        ann.send_json("hello")
        assert ann.receive_json() == "bye"

    def test_alone(ws_connect):
        ws_connect("/", name="ann")
        assert 1 == 2

    @pytest.fixture
    def broken(ws_connect):
        ws_connect("/", name="ann"), ws_connect("/", name="ben")
        raise LookupError("in a fixture")

    def test_fixture(broken):
        pass

    def test_skipped(ws_connect):
        ws_connect("/", name="ann"), ws_connect("/", name="ben")
        pytest.skip("not now")

    ORDER = []

    class Ordered(Room):
        async def receive_json(self, content, **options):
            ORDER.append(content)

    @explore_schedules(20, sends_overlap=True)
    def test_found(channels_test, ws_connect):
        ORDER.clear()
        channels_test.application = Ordered.as_asgi()
        people = [ws_connect("/", name=f"n. {number}") for number in range(10)]
        for number in range(2):
            people[number].send_json(number)
        channels_test.settle()
        assert ORDER == [0, 1]
"""
)


@needs("pytest_django")
class TimelineTests(PytestCase):
    def test_the_fixture_has_it(self) -> None:
        ended = self.pytest(TESTS, "-k", "passes")
        self.assertEqual((ended.passed, ended.failed), (2, 0), ended.printed)

    def test_making_the_database_is_not_in_it(self) -> None:
        ended = self.pytest(TESTS, "-k", "database")
        self.assertEqual((ended.passed, ended.failed), (1, 0), ended.printed)

    def test_a_report_has_one_order_in_place_of_transcripts(self) -> None:
        ended = self.pytest(TESTS, "-k", "test_two or test_fixture")
        self.assertEqual((ended.failed, ended.error), (2, 1), ended.printed)
        titles = re.findall("^-+ Timeline -+$", ended.printed, re.MULTILINE)
        self.assertEqual(len(titles), 3)
        self.assertEqual(
            len(re.findall(r"All \d+ events, in one order:", ended.printed)), 3
        )
        self.assertIn('     8  ann  <- text    "hello"\n', ended.printed)
        self.assertNotIn("Transcript of", ended.printed)

    def test_one_actor_has_a_transcript(self) -> None:
        ended = self.pytest(TESTS, "-k", "alone")
        self.assertIn("Transcript of ann", ended.printed)
        self.assertNotIn(" Timeline ", ended.printed)

    def test_a_schedule_that_fails_is_one_order_and_has_transcripts(self) -> None:
        ended = self.pytest(TESTS, "-k", "found")
        self.assertNotIn(" Timeline ", ended.printed)
        self.assertIn("This test fails under schedule", ended.printed)
        self.assertIn("Transcript of n. 7", ended.printed)
        self.assertNotIn("Transcript of n. 8", ended.printed)
        self.assertIn("... and 2 more connections", ended.printed)

    def test_each_failure_leaves_a_diagram(self) -> None:
        for options in ((), ("-n2",)):
            with self.subTest(options), tempfile.TemporaryDirectory() as folder:
                with mock.patch.dict(os.environ, {FOLDER: folder}):
                    ended = self.pytest(TESTS, *options)
                found = sorted(path.name for path in Path(folder).iterdir())
                left = [re.sub("-[0-9a-f]{8}", "-#", name) for name in found]
                self.assertEqual(
                    left,
                    [
                        "test_inner.py_test_alone-#.html",
                        "test_inner.py_test_fixture-#.html",
                        "test_inner.py_test_found-#.html",
                        "test_inner.py_test_two_a_b_-#.html",
                        "test_inner.py_test_two_a_b_-#.html",
                    ],
                    ended.printed,
                )
                for name in found:
                    self.assertIn(f"Timeline: {Path(folder, name)}", ended.printed)
