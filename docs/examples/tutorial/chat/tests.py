# docs:start tutorial-first
from channels_testkit import WebsocketTestCase


class ChatTests(WebsocketTestCase):
    def test_a_message_comes_back(self):
        ann = self.connect("/ws/chat/lobby/")
        ann.send_json({"message": "hello"})
        self.assertReceivesJson(ann, {"message": "hello"})
        # docs:end tutorial-first

    # docs:start tutorial-room
    def test_everyone_in_the_room_hears_it(self):
        ann = self.connect("/ws/chat/lobby/", name="ann")
        ben = self.connect("/ws/chat/lobby/", name="ben")
        ann.send_json({"message": "hello"})
        self.assertAllReceive([ann, ben], {"message": "hello"})

    # docs:end tutorial-room

    # docs:start tutorial-other-room
    def test_another_room_hears_nothing(self):
        ann = self.connect("/ws/chat/lobby/", name="ann")
        cal = self.connect("/ws/chat/garden/", name="cal")
        ann.send_json({"message": "hello"})
        self.assertReceivesNothing(cal)
        self.assertReceivesJson(ann, {"message": "hello"})

    # docs:end tutorial-other-room

    # docs:start tutorial-page
    def test_the_page_names_the_room_of_its_socket(self):
        response = self.client.get("/chat/lobby/")
        self.assertContains(
            response, '<script id="room-name" type="application/json">"lobby"</script>'
        )
        ann = self.connect(f"/ws/chat/{response.context['room_name']}/")
        self.assertInGroup(ann, "chat_lobby")

    # docs:end tutorial-page

    # docs:start tutorial-no-socket
    def test_a_page_without_a_socket(self):
        self.assertEqual(self.client.get("/chat/tea-room/").status_code, 200)
        with self.assertRaisesMessage(ValueError, "No route"):
            self.connect("/ws/chat/tea-room/")

    # docs:end tutorial-no-socket

    # docs:start tutorial-async
    async def test_everyone_in_the_room_hears_it_async(self):
        ann = await self.aconnect("/ws/chat/lobby/", name="ann")
        ben = await self.aconnect("/ws/chat/lobby/", name="ben")
        await ann.send_json_to({"message": "hello"})
        self.assertAllReceive([ann, ben], {"message": "hello"})

    # docs:end tutorial-async
