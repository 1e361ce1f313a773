"""Pages of a live server in one transaction."""

from __future__ import annotations

from django.contrib.auth.models import User

from channels_testkit.browser import RollbackBrowserTestCase


class RollbackPageTests(RollbackBrowserTestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ann = User.objects.create_user("ann")

    def test_a_user_of_the_class_is_logged_in(self):
        self.browser_login(self.ann)
        self.open_page("/who/")
        self.assertPageShows("p", "ann")

    def test_two_pages_and_the_test_share_rows(self):
        ben = User.objects.create_user("ben")
        other = self.new_browser(ben)
        self.open_page("/who/", other)
        self.assertPageShows("p", "ben", browser=other)
        self.test_a_user_of_the_class_is_logged_in()

    def test_rows_of_a_test_are_rolled_back(self):
        self.assertEqual(User.objects.get(), self.ann)
