"""The tests find the races of public projects, and pass without them."""

from __future__ import annotations

from typing import Any

import django
from channels.routing import URLRouter
from django.core.cache import cache
from django.urls import path

from channels_testkit import explore_schedules

from . import public_races, race_cases
from .race_cases import RaceTestCase, told, with_application


# docs:start reload
class ReloadTests(RaceTestCase):
    application = URLRouter(
        [
            path("room/", public_races.Participant.as_asgi()),
            path("admin/", public_races.Admin.as_asgi()),
        ]
    )

    @explore_schedules(sends_overlap=True)
    def test_the_participant_is_present_again(self) -> None:
        admin = self.connect("/admin/", name="the admin")
        old = self.connect("/room/", name="the old page")
        old.disconnect()
        self.connect("/room/", name="the new page")
        self.assertEqual(admin.receive_all_json()[-1], "present")

    # docs:end reload
    racy = URLRouter(
        [
            path("room/", public_races.Participant.as_asgi()),
            path("admin/", public_races.RacyAdmin.as_asgi()),
        ]
    )


# docs:start viewers
class ViewersTests(RaceTestCase):
    application = public_races.Viewers.as_asgi()

    def setUp(self) -> None:
        cache.clear()  # No transaction does it.

    @explore_schedules(sends_overlap=True)
    def test_the_new_viewer_is_counted(self) -> None:
        ann = self.connect(name="ann")
        ann.disconnect()
        self.connect(name="ben")
        self.assertEqual(cache.get("viewers"), 1)

    # docs:end viewers
    racy = public_races.RacyViewers.as_asgi()


# docs:start seats
class SeatsTests(RaceTestCase):
    application = public_races.Game.as_asgi()

    @explore_schedules(sends_overlap=True)
    def test_the_game_starts_with_two_players(self) -> None:
        phone, laptop = self.connect(name="phone"), self.connect(name="laptop")
        ben = self.connect(name="ben")
        phone.send_json("ann")
        laptop.send_json("ann")
        ben.send_json("ben")
        self.assertEqual(ben.receive_all_json(), [["ann", "ben"]])

    # docs:end seats
    racy = public_races.RacyGame.as_asgi()


class PublicRaceTests(race_cases.RacesTestCase):
    races = {
        "the reloaded page": ReloadTests,
        "the viewers of a room": ViewersTests,
        "the seats of a game": SeatsTests,
    }
    printed = {"reload": ReloadTests, "viewers": ViewersTests, "seats": SeatsTests}

    def test_aincr_does_not_mend_the_viewers(self) -> None:
        application = public_races.IncrementingViewers.as_asgi()
        race = with_application(ViewersTests, application)
        # From Django 6.1 on it is one step of the cache.
        found = "AssertionError: 2 != 1" in told(race)
        self.assertEqual(found, django.VERSION < (6, 1))


def load_tests(loader: Any, tests: Any, pattern: Any) -> Any:
    """Leave the quoted tests out: each takes 200 schedules."""
    return loader.loadTestsFromTestCase(PublicRaceTests)
