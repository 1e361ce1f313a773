"""The tests of the page on schedules find the races, and pass without them."""

from __future__ import annotations

from typing import Any

from channels_testkit import explore_schedules
from tests.app.models import Account, Note

from . import race_cases, races
from .race_cases import RaceTestCase


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
    racy = races.RacyCounter.as_asgi()


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
    racy = races.RacyTill.as_asgi()


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
    racy = races.RacyRoom.as_asgi()


# docs:start presence
class PresenceTests(RaceTestCase):
    application = races.Presence.as_asgi()

    @explore_schedules(sends_overlap=True)
    def test_the_user_is_online_again(self) -> None:
        account = Account.objects.create()
        old = self.connect(name="the old tab")
        old.disconnect()
        self.connect(name="the new tab")
        account.refresh_from_db()
        self.assertEqual(account.balance, 1)

    # docs:end presence
    racy = races.RacyPresence.as_asgi()


# docs:start check-then-create
class CheckThenCreateTests(RaceTestCase):
    application = races.Lobby.as_asgi()

    @explore_schedules(sends_overlap=True)
    def test_there_is_one_room(self) -> None:
        ann, ben = self.connect(name="ann"), self.connect(name="ben")
        ann.send_json("lobby")
        ben.send_json("lobby")
        self.settle()
        self.assertEqual(Note.objects.count(), 1)

    # docs:end check-then-create
    racy = races.RacyLobby.as_asgi()


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
    racy = races.RacyChat.as_asgi()


# docs:start before-commit
class NewsTests(RaceTestCase):
    application = races.News.as_asgi()

    def test_the_row_is_there_before_the_news(self) -> None:
        ann = self.connect(name="ann")
        ann.send_json("hello")
        self.assertGroupSentAfterCommit("news")
        self.assertEqual(ann.receive_json(), "hello")

    # docs:end before-commit
    racy = races.RacyNews.as_asgi()


class RaceTests(race_cases.RacesTestCase):
    races = {
        "lost update": LostUpdateTests,
        "double spending": DoubleSpendingTests,
        "check, then create": CheckThenCreateTests,
        "presence": PresenceTests,
        "history, then group": HistoryTests,
        "two senders": TwoSendersTests,
        "before the commit": NewsTests,
    }
    printed = {"schedule": PresenceTests, "before_commit": NewsTests}


def load_tests(loader: Any, tests: Any, pattern: Any) -> Any:
    """Leave the quoted tests out: each takes 200 schedules."""
    return loader.loadTestsFromTestCase(RaceTests)
