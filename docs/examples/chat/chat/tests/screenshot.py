import os
from datetime import datetime, timedelta, timezone

from .test_browser import RoomPageTestCase


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
        ann.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": 1200, "height": 800, "deviceScaleFactor": 1, "mobile": False},
        )
        ann.save_screenshot(os.environ["CHAT_SCREENSHOT"])
