from .rooms import RoomTestCase


class PresenceTests(RoomTestCase):
    # docs:start presence
    def test_the_room_sees_ben_come_and_go(self):
        [ann] = self.enter(self.ann)
        ben = self.connect(user=self.ben)
        self.assertReceivesJson(ann, {"type": "joined", "user": "ben"})
        ben.disconnect()
        self.assertReceivesJson(ann, {"type": "left", "user": "ben"})

    def test_ben_is_present_until_his_last_tab_closes(self):
        ann, laptop, phone = self.enter(self.ann, self.ben, self.ben)
        laptop.disconnect()
        self.assertReceivesNothing(ann)
        phone.drop()
        self.assertReceivesJson(ann, {"type": "left", "user": "ben"})

    # docs:end presence

    async def test_a_second_tab_is_not_announced(self):
        ann, ben = await self.aenter(self.ann, self.ben)
        await self.aconnect(user=self.ben)
        self.assertReceivesNothing(ann)
        self.assertReceivesNothing(ben)

    def test_the_welcome_says_who_is_present(self):
        self.enter(self.ann, self.sue, self.sue)
        ben = self.connect(user=self.ben)
        self.assertReceivesJson(
            ben, {"type": "welcome", "history": [], "present": ["ann", "ben", "sue"]}
        )

    def test_who_is_in_the_group(self):
        ann, ben = self.enter(self.ann, self.ben)
        self.assertGroupMembers("room.lobby", [ann, ben])
        ben.disconnect()
        self.assertInGroup(ann, "room.lobby")
        self.assertNotInGroup(ben, "room.lobby")
        self.assertGroupMembers("room.garden", [])

    async def test_nobody_is_present_after_all_disconnect(self):
        await self.aenter(self.ann, self.ben)
        self.assertEqual(await self.lobby.presences.acount(), 2)
        await self.adisconnect_all()
        self.assertEqual(await self.lobby.presences.acount(), 0)
