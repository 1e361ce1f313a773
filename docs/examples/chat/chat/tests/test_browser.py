from unittest import mock

from channels_testkit.browser import BrowserTestCase
from django.test import override_settings

from chat.consumers import ChatConsumer

from .rooms import make_rooms


class RoomPageTestCase(BrowserTestCase):
    ws_path = "/ws/chat/lobby/"

    def setUp(self):
        make_rooms(self)

    # docs:start open-room
    def enter(self, user):
        """Open the lobby in a browser of the user's own."""
        browser = self.new_browser(user)
        self.open_page("/rooms/lobby/", browser)
        self.assertPageShows("#status.connected", browser=browser)
        return browser

    # docs:end open-room

    def say(self, browser, text):
        browser.find_element("id", "text").send_keys(text)
        browser.find_element("css selector", "#say button:last-child").click()


class RoomPageTests(RoomPageTestCase):
    # docs:start two-browsers
    def test_two_windows_chat(self):
        ann, ben = self.enter(self.ann), self.enter(self.ben)
        self.say(ann, "hello")
        self.assertPageShows("#log .mine", "hello", browser=ann)
        bubble = self.assertPageShows("#log .bubble", "hello", browser=ben)
        self.assertEqual(bubble.find_element("class name", "user").text, "ann")

    # docs:end two-browsers

    # docs:start page-frames
    def test_what_the_page_sends_and_receives(self):
        ann, ben = self.enter(self.ann), self.enter(self.ben)
        self.say(ann, "hello")
        self.assertPageSends({"type": "say", "text": "hello"}, browser=ann)
        frame = {"type": "message", "text": "hello"}
        self.assertPageReceives(frame, partial=True, browser=ben)

    # docs:end page-frames

    # docs:start one-browser
    def test_who_is_present(self):
        self.browser_login(self.ann)
        self.open_page("/rooms/lobby/")
        ben = self.connect(user=self.ben)
        self.assertPageShows("#present", "ben")
        ben.disconnect()
        self.assertPageShowsNot("#present li", "ben")

    # docs:end one-browser

    # docs:start reconnect
    def test_a_page_that_was_cut_off_shows_what_it_missed(self):
        async def hang_up(consumer, event):
            await consumer.close()

        ann, ben = self.enter(self.ann), self.connect(user=self.ben)
        with mock.patch.object(ChatConsumer, "relay", hang_up):
            ben.send_json({"type": "say", "text": "are you there?"})
            self.assertPageShows("#status.disconnected", browser=ann)
        self.assertPageShows("#log li", "are you there?", browser=ann)
        self.assertPageShows("#status.connected", browser=ann)

    # docs:end reconnect

    # docs:start page-error
    def test_a_die_with_one_side_is_refused(self):
        ann = self.enter(self.ann)
        script = "new WebSocket(location.origin.replace('http', 'ws') + arguments[0])"
        with self.assertPageError("Unexpected response code: 403", browser=ann):
            ann.execute_script(script, "/ws/dice/1/")

    # docs:end page-error

    def test_a_mention_is_shown_until_it_is_read(self):
        ann = self.enter(self.ann)
        self.lobby.messages.create(author=self.ben, text="@ann, tea?")
        self.assertPageShows(".notice", "ben mentioned you", browser=ann).click()
        self.assertPageSends({"type": "read", "id": int}, browser=ann)
        self.assertPageShowsNot(".notice", browser=ann)


@override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"])
class LoginPageTests(RoomPageTestCase):
    # docs:start login-form
    def test_log_in_by_the_form(self):
        self.ann.set_password("secret")
        self.ann.save()
        browser = self.open_page("/rooms/lobby/")
        browser.find_element("name", "username").send_keys("ann")
        browser.find_element("name", "password").send_keys("secret")
        browser.find_element("id", "login").click()
        self.assertPageShows("#status.connected")
        self.assertPageShows("#me", "ann")

    # docs:end login-form

    def test_logging_out_closes_the_room_in_other_tabs(self):
        self.browser_login(self.ann)
        browser = self.open_page("/rooms/lobby/")
        self.assertPageShows("#status.connected")
        room = browser.current_window_handle
        browser.switch_to.new_window("tab")
        self.open_page("/").find_element("id", "logout").click()
        browser.switch_to.window(room)
        self.assertPageShows("#login")
