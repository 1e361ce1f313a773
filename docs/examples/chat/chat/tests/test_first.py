# docs:start first-test
from channels_testkit import WebsocketTestCase
from django.contrib.auth.models import User

from chat.models import Room


class LobbyTests(WebsocketTestCase):
    ws_path = "/ws/chat/lobby/"

    @classmethod
    def setUpTestData(cls):
        cls.ann, cls.ben = map(User.objects.create_user, ["ann", "ben"])
        Room.objects.create(slug="lobby").members.add(cls.ann, cls.ben)

    def test_the_room_hears_what_ann_says(self):
        ann, ben = self.connect(user=self.ann), self.connect(user=self.ben)
        self.assertReceivesJson(ben, {"type": "welcome"}, partial=True)
        ann.send_json({"type": "say", "text": "hello"})
        self.assertReceivesJson(ben, {"user": "ann", "text": "hello"}, partial=True)
        # docs:end first-test

    # docs:start first-test-async
    async def test_the_room_hears_what_ann_says_async(self):
        ann = await self.aconnect(user=self.ann)
        ben = await self.aconnect(user=self.ben)
        self.assertReceivesJson(ben, {"type": "welcome"}, partial=True)
        await ann.send_json_to({"type": "say", "text": "hello"})
        self.assertReceivesJson(ben, {"user": "ann", "text": "hello"}, partial=True)

    # docs:end first-test-async
