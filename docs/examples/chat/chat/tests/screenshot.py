import os
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

from .test_browser import RoomPageTestCase


def take(browser, width, path):
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False},
    )
    browser.save_screenshot(path)


class ScreenshotTests(RoomPageTestCase):
    """Takes the picture of the documentation; the README says how."""

    def test_take_it(self):
        now = datetime(2026, 11, 20, 9, 41, tzinfo=timezone.utc)
        for author, text in [
            (self.ben, "Morning! Is the release still on for ten?"),
            (self.ann, "It is. I am waiting for one last review."),
            (self.ann, "A small one, I promise."),
            (self.sue, "The office closes at four today."),
            (self.ben, "Done and merged. The changelog could do with a sentence."),
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
        take(ann, 1200, os.environ["CHAT_SCREENSHOT"])


class TimelineScreenshotTests(RoomPageTestCase):
    """Takes the picture of a timeline, in the same way."""

    def test_ann_says_hello(self):
        ann, ben = self.connect(user=self.ann), self.connect(user=self.ben)
        ann.send_json({"type": "say", "text": "hello"})
        ben.receive_all_json()
        with tempfile.TemporaryDirectory() as folder:
            path = self.timeline.write_html(Path(folder, "timeline.html"))
            browser = self.open_page(path.as_uri())
            # No mouse, which would be over another event afterwards.
            *_, last = browser.find_elements("css selector", ".row.message")
            browser.execute_script("arguments[0].click()", last)
            take(browser, 1500, os.environ["CHAT_TIMELINE_SCREENSHOT"])
