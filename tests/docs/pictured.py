"""
What ``python -m tests.docs.images`` runs, with the example project's settings.

``PICTURES`` in the environment is the folder that these write to.
"""

from __future__ import annotations

import os
import unittest
from datetime import datetime, timedelta, timezone
from pathlib import Path
from unittest import mock

from chat.tests.rooms import RoomTestCase
from chat.tests.test_browser import RoomPageTestCase

from channels_testkit.browser import BrowserTestCase

FOLDER = Path(os.environ["PICTURES"])
MORNING = datetime(2026, 11, 20, 9, 41, tzinfo=timezone.utc)


class RoomTests(RoomPageTestCase):
    @unittest.expectedFailure
    def test_a_morning(self):
        """Fail, for the evidence that it leaves of the page."""
        now = MORNING
        for author, text in [
            (self.ben, "Morning! Is the release still on for ten?"),
            (self.ann, "It is. I am waiting for one last review."),
            (self.sue, "The office closes at four today."),
            (self.ben, "Done and merged. Off we go!"),
            (self.ann, "Thank you! Rolling it out now."),
            (self.ben, "I am watching the graphs."),
            (self.ben, "All green so far."),
        ]:
            message = self.lobby.messages.create(
                author=author, text=text, is_announcement=author == self.sue
            )
            now += timedelta(minutes=2)
            self.lobby.messages.filter(pk=message.pk).update(created=now)
        for user in [self.ben, self.sue]:
            self.connect(user=user)
        ann = self.enter(self.ann)
        self.assertPageShows("#present", "sue", browser=ann)
        self.fail("The room is as it should be.")


class TimelineTests(RoomTestCase):
    @mock.patch("django.utils.timezone.now", mock.Mock(return_value=MORNING))
    def test_ann_says_hello(self):
        ann, ben = self.connect(user=self.ann), self.connect(user=self.ben)
        ann.send_json({"type": "say", "text": "hello"})
        ben.receive_all_json()
        self.timeline.write_html(FOLDER / "timeline.html")


class DrawingTests(BrowserTestCase):
    def draw(self, name, width, height):
        browser = self.browser
        browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )
        browser.save_screenshot(str(FOLDER / f"{name}.png"))

    def test_timeline(self):
        browser = self.open_page((FOLDER / "timeline.html").as_uri())
        # No mouse, which would be over another event afterwards.
        *_, last = browser.find_elements("css selector", ".row.message")
        browser.execute_script("arguments[0].click()", last)
        self.draw("timeline", 1500, 800)

    def test_failure(self):
        self.open_page((FOLDER / "failure.html").as_uri())
        self.draw("failure", 1000, 680)
