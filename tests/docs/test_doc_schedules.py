"""The races of the page on schedules are found, and what mends them holds."""

from __future__ import annotations

import os
import sys
import traceback
import unittest
from typing import Any

from channels_testkit import WebsocketTestCase, explore_schedules
from tests.app.models import Account, Note
from tests.utils import FAILURES, InnerResult, OuterTestCase, run_case

from . import races


class RaceTestCase(WebsocketTestCase):
    __test__ = False  # pytest is not to find them: they fail.
    ws_path = "/"
    mended: Any


# docs:start lost-update
class LostUpdateTests(RaceTestCase):
    application = races.Counter.as_asgi()

    @explore_schedules(sends_overlap=True)
    def test_both_count(self) -> None:
        account = Account.objects.create()
        ann, ben = self.connect(name="ann"), self.connect(name="ben")
        ann.send_json(account.pk)
        ben.send_json(account.pk)
        self.settle()
        account.refresh_from_db()
        self.assertEqual(account.balance, 2)

    # docs:end lost-update
    mended = races.MendedCounter.as_asgi()


# docs:start double-spending
class DoubleSpendingTests(RaceTestCase):
    application = races.Till.as_asgi()

    @explore_schedules(sends_overlap=True)
    def test_nobody_overdraws(self) -> None:
        account = Account.objects.create(balance=10)
        ann, ben = self.connect(name="ann"), self.connect(name="ben")
        ann.send_json(account.pk)
        ben.send_json(account.pk)
        self.settle()
        account.refresh_from_db()
        self.assertEqual(account.balance, 0)

    # docs:end double-spending
    mended = races.MendedTill.as_asgi()


# docs:start history
class HistoryTests(RaceTestCase):
    application = races.Room.as_asgi()

    @explore_schedules(sends_overlap=True)
    def test_nothing_is_missed(self) -> None:
        ann = self.connect(name="ann")
        ann.send_json("hello")
        ben = self.connect(name="ben")
        self.assertIn("hello", ben.receive_all_json())

    # docs:end history
    mended = races.MendedRoom.as_asgi()


# docs:start presence
class PresenceTests(RaceTestCase):
    application = races.Presence.as_asgi()

    @explore_schedules(sends_overlap=True)
    def test_who_comes_back_is_online(self) -> None:
        account = Account.objects.create()
        old = self.connect(name="the old tab")
        old.disconnect()
        self.connect(name="the new tab")
        account.refresh_from_db()
        self.assertEqual(account.balance, 1)

    # docs:end presence
    mended = races.MendedPresence.as_asgi()


# docs:start check-then-create
class CheckThenCreateTests(RaceTestCase):
    application = races.Lobby.as_asgi()

    @explore_schedules(sends_overlap=True)
    def test_there_is_one(self) -> None:
        ann, ben = self.connect(name="ann"), self.connect(name="ben")
        ann.send_json("lobby")
        ben.send_json("lobby")
        self.settle()
        self.assertEqual(Note.objects.count(), 1)

    # docs:end check-then-create
    mended = races.MendedLobby.as_asgi()


# docs:start two-senders
class TwoSendersTests(RaceTestCase):
    application = races.Chat.as_asgi()

    @explore_schedules(sends_overlap=True)
    def test_messages_come_in_their_order(self) -> None:
        ann, ben = self.connect(name="ann"), self.connect(name="ben")
        ann.send_json("one")
        ben.send_json("two")
        numbers = ann.receive_all_json()
        self.assertEqual(numbers, sorted(numbers))

    # docs:end two-senders
    mended = races.MendedChat.as_asgi()


# docs:start before-commit
class NewsTests(RaceTestCase):
    application = races.News.as_asgi()

    def test_the_row_is_there_before_the_news(self) -> None:
        ann = self.connect(name="ann")
        ann.send_json("hello")
        self.assertGroupSentAfterCommit("news")
        self.assertEqual(ann.receive_json(), "hello")

    # docs:end before-commit
    mended = races.MendedNews.as_asgi()


RACES = (
    LostUpdateTests,
    DoubleSpendingTests,
    HistoryTests,
    PresenceTests,
    CheckThenCreateTests,
    TwoSendersTests,
)


PRINTED = FAILURES.parent / "printed"


def told(result: InnerResult) -> str:
    """Return what is printed of the one failure."""
    (error,) = result.raised
    return "".join(traceback.format_exception_only(type(error), error))


class RaceTests(OuterTestCase):
    maxDiff = None

    def test_each_is_found(self) -> None:
        for race in RACES:
            with self.subTest(race.__name__):
                text = "This test fails under schedule"
                self.assertIn(text, told(run_case(race)))

    @unittest.skipIf(sys.version_info < (3, 11), "Python 3.10 knows shorter names")
    def test_the_page_shows_what_is_told(self) -> None:
        for race, name in ((PresenceTests, "schedule"), (NewsTests, "before_commit")):
            page = PRINTED / f"{name}.txt"
            text = told(run_case(race))
            if os.environ.get("CHANNELS_TESTKIT_UPDATE_FAILURES"):
                page.write_text(text)
            with self.subTest(name):
                self.assertMultiLineEqual(text, page.read_text())

    def test_what_mends_it_holds(self) -> None:
        for race in (*RACES, NewsTests):
            with self.subTest(race.__name__):
                case = type(race.__name__, (race,), {"application": race.mended})
                self.assertEqual(run_case(case).texts, [])


def load_tests(loader: Any, tests: Any, pattern: Any) -> Any:
    """Leave the races themselves out: they fail."""
    return loader.loadTestsFromTestCase(RaceTests)
