# docs:start tutorial-browser
from channels_testkit.browser import BrowserTestCase


class ChatPageTests(BrowserTestCase):
    def enter(self, room_name):
        browser = self.new_browser()
        self.open_page("/chat/", browser)
        browser.find_element("id", "room-name-input").send_keys(f"{room_name}\n")
        self.assertPageShows("#chat-message-submit:enabled", browser=browser)
        return browser

    def post(self, browser, message):
        browser.find_element("id", "chat-message-input").send_keys(f"{message}\n")

    def test_everyone_in_the_room_sees_it(self):
        ann, ben = self.enter("room_1"), self.enter("room_1")
        self.post(ann, "hello")
        self.assertPageShows("#chat-log", "hello", browser=ann)
        self.assertPageShows("#chat-log", "hello", browser=ben)

    def test_nobody_in_another_room_sees_it(self):
        ann, cal = self.enter("room_1"), self.enter("room_2")
        self.post(ann, "hello")
        self.assertPageShows("#chat-log", "hello", browser=ann)
        self.post(cal, "world")
        self.assertPageShows("#chat-log", "world", browser=cal)
        self.assertPageShowsNot("#chat-log", "hello", browser=cal)
        # docs:end tutorial-browser
