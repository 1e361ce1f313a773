from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.test import override_settings

from .rooms import RoomTestCase

# What the form of the admin needs to save a user.
JOINED = {"date_joined_0": "2026-11-20", "date_joined_1": "10:00:00"}


class AccessTests(RoomTestCase):
    # docs:start stranger
    def test_a_stranger_is_rejected(self):
        stranger = self.create_client()
        stranger.connect()
        self.assertRejected(stranger, code=4401, reason="log in first")

    async def test_a_stranger_is_rejected_async(self):
        stranger = self.create_communicator()
        await stranger.connect()
        self.assertRejected(stranger, code=4401, reason="log in first")

    # docs:end stranger

    def test_a_stranger_gets_no_notifications(self):
        stranger = self.create_client("/ws/notifications/", user=AnonymousUser())
        self.assertFalse(stranger.connect().accepted)
        self.assertRejected(stranger, code=4401)

    def test_a_room_is_closed_to_those_who_are_not_members(self):
        for path in ["/ws/chat/garden/", "/ws/chat/nowhere/"]:
            with self.subTest(path):
                ann = self.create_client(path, user=self.ann)
                ann.connect()
                self.assertRejected(ann, code=4404, reason="no such room")

    def test_the_pages_show_a_user_their_own_rooms(self):
        self.client.force_login(self.cal)
        self.assertContains(self.client.get("/"), "Garden")
        self.assertNotContains(self.client.get("/"), "Lobby")
        self.assertEqual(self.client.get("/rooms/garden/").status_code, 200)
        self.assertEqual(self.client.get("/rooms/lobby/").status_code, 404)

    def test_staff_enter_every_room(self):
        sue = self.connect("/ws/chat/garden/", user=self.sue)
        self.assertAccepted(sue)
        self.assertReceivesJson(sue, {"present": ["sue"]}, partial=True)

    def test_a_page_of_another_site_is_refused(self):
        ann = self.create_client(user=self.ann, origin="https://evil.example")
        ann.connect()
        self.assertRejected(ann)

    @override_settings(ALLOWED_HOSTS=["chat.example"])
    def test_our_own_site_may_connect(self):
        ann = self.connect(user=self.ann, origin="https://chat.example")
        self.assertAccepted(ann)


@override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"])
class LoginTests(RoomTestCase):
    @classmethod
    def setUpTestData(cls):
        super().setUpTestData()
        cls.ann.set_password("secret")
        cls.ann.save()

    # docs:start login
    def test_log_in_on_the_page_and_enter(self):
        self.client.post("/login/", {"username": "ann", "password": "secret"})
        ann = self.connect()
        self.assertEqual(ann.scope["user"], self.ann)

    # docs:end login

    # docs:start deactivated
    def test_deactivating_a_user_closes_their_connections(self):
        self.connect(user=self.ann)
        self.connect("/ws/notifications/", user=self.ann)
        ben = self.connect(user=self.ben)
        self.client.force_login(get_user_model().objects.create_superuser("root"))
        page = f"/admin/auth/user/{self.ann.pk}/change/"
        self.client.post(page, {"username": "ann", **JOINED})  # and no is_active
        self.assertAllClosed(user=self.ann, code=4401)
        self.assertOpen(ben)

    # docs:end deactivated

    def test_a_wrong_password_opens_nothing(self):
        self.client.post("/login/", {"username": "ann", "password": "guess"})
        stranger = self.create_client()
        stranger.connect()
        self.assertRejected(stranger, code=4401)

    def test_logging_out_closes_the_tabs_of_this_login(self):
        self.client.force_login(self.ann)
        room, notifications = self.connect(), self.connect("/ws/notifications/")
        elsewhere = self.connect(user=self.ann)
        self.client.post("/logout/")
        self.assertAllClosed(room, notifications, code=4401)
        self.assertOpen(elsewhere)
