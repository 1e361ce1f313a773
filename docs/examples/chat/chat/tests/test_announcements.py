from .rooms import RoomTestCase


class AnnouncementTests(RoomTestCase):
    # docs:start broadcast-view
    def test_an_announcement_reaches_the_room(self):
        [ann] = self.enter(self.ann)
        self.client.force_login(self.sue)
        self.client.post("/rooms/lobby/announce/", {"text": "We close at ten."})
        expected = {"type": "announcement", "user": "sue", "text": "We close at ten."}
        self.assertReceivesJson(ann, expected, partial=True)

    def test_it_is_sent_after_the_commit(self):
        self.client.force_login(self.sue)
        self.client.post("/rooms/lobby/announce/", {"text": "We close at ten."})
        pk = self.lobby.messages.get().pk
        self.assertGroupSentAfterCommit(
            "room.lobby", {"frame": {"id": pk}}, partial=True
        )

    # docs:end broadcast-view

    async def test_an_announcement_reaches_the_room_async(self):
        [ann] = await self.aenter(self.ann)
        await self.async_client.aforce_login(self.sue)
        await self.async_client.post("/rooms/lobby/announce/", {"text": "Good night."})
        self.assertReceivesJson(ann, {"text": "Good night."}, partial=True)

    def test_members_cannot_announce(self):
        self.client.force_login(self.ann)
        response = self.client.post("/rooms/lobby/announce/", {"text": "Free beer."})
        self.assertEqual(response.status_code, 403)
        self.assertNothingGroupSent("room.lobby")

    def test_an_empty_announcement_is_not_sent(self):
        self.client.force_login(self.sue)
        response = self.client.post("/rooms/lobby/announce/", {"text": " "})
        self.assertContains(response, "This field is required.", status_code=400)
        self.assertNothingGroupSent("room.lobby")
