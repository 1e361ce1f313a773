"""The framework's JavaScript, in a real browser, against its consumer."""

from __future__ import annotations

from django.contrib.auth.models import User

from channels_testkit.browser import BrowserTestCase

from .newsroom.models import Story


# docs:start browser
class DeskTests(BrowserTestCase):
    def click(self, function, browser=None):
        button = f"[data-liveview-function={function}]"
        self.assertPageShows(button, browser=browser).click()

    def test_a_page_is_updated(self):
        self.open_page("/desk/")
        self.assertPageShows("[name=name]").send_keys("Ann")
        self.click("greet")
        self.assertPageShows("#desk", "Good day, Ann")
        # docs:end browser

    # docs:start browser-users
    def test_a_story_is_shown_to_everybody(self):
        ben = self.new_browser(User.objects.create_user("ben"))
        for browser in (self.browser, ben):
            self.open_page("/desk/", browser)
            self.wait_for_socket(browser)
        self.browser.find_element("name", "headline").send_keys("Storm")
        self.browser.find_element("name", "text").send_keys("It rains.")
        self.click("file_story")
        self.assertPageShows("#form", "Thank you")
        self.assertPageShows("#list li", "Storm", browser=ben)
        self.assertEqual(Story.objects.get().text, "It rains.")
        # docs:end browser-users

    def test_a_user_may_spike_a_story(self):
        Story.objects.create(pk=1, headline="Storm", text="It rains.")
        self.open_page("/desk/")
        self.click("spike_story")
        self.assertPageShows("#story", "You must be logged in")
        self.browser_login(User.objects.create_user("ann"))
        self.open_page("/desk/")
        self.click("spike_story")
        self.assertPageShows("#story", "Spiked by ann")
        self.assertFalse(Story.objects.exists())

    def wait_for_socket(self, browser):
        self.click("greet", browser)
        self.assertPageShows("#desk", "Good day", browser=browser)
