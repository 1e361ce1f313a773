from channels_testkit import Group, HttpCommunicator, NoFrame
from django.test import override_settings

from chat.groups import relay

from .rooms import RoomTestCase


class WallTests(RoomTestCase):
    # docs:start open-stream
    def setUp(self):
        self.client.force_login(self.sue)

    def open_wall(self, **options):
        path = "/rooms/lobby/stream/"
        return HttpCommunicator(None, "GET", path, client=self.client, **options)

    # docs:end open-stream

    # docs:start event-stream
    async def test_the_wall_shows_what_ann_says(self):
        wall = self.open_wall()
        await wall.start()
        [ann] = await self.aenter(self.ann)
        await ann.send_json({"type": "say", "text": "hello"})
        event = await wall.receive_event()
        self.assertEqual(event.event, "message")
        self.assertEqual(event.json()["text"], "hello")

    # docs:end event-stream

    # docs:start last-event-id
    async def test_the_wall_catches_up_after_a_break(self):
        for text in ["one", "two"]:
            await self.lobby.messages.acreate(author=self.ann, text=text)
        wall = self.open_wall()
        await wall.receive_event()
        await wall.disconnect()
        again = self.open_wall(last_event_id=wall.last_event_id)
        self.assertEqual((await again.receive_event()).json()["text"], "two")

    # docs:end last-event-id

    # docs:start client-gone
    async def test_a_wall_that_is_switched_off_leaves_the_room(self):
        wall = self.open_wall()
        await wall.start()
        self.assertEqual(len(self.channel_layer.groups()["room.lobby"]), 1)
        await wall.disconnect()
        self.assertGroupMembers("room.lobby", [])

    # docs:end client-gone

    async def test_the_wall_begins_with_the_latest_messages(self):
        for text in ["one", "two", "three"]:
            await self.lobby.messages.acreate(author=self.ann, text=text)
        with override_settings(CHAT_HISTORY_LENGTH=2):
            wall = self.open_wall()
            first, second = await wall.receive_event(), await wall.receive_event()
        self.assertEqual(
            [first.json()["text"], second.json()["text"]], ["two", "three"]
        )

    async def test_a_hidden_message_is_taken_down(self):
        wall = self.open_wall()
        await wall.start()
        await Group("room.lobby").asend(relay({"type": "hidden", "id": 7}))
        event = await wall.receive_event()
        self.assertEqual((event.event, event.id), ("hidden", None))

    async def test_joining_and_leaving_is_not_shown(self):
        wall = self.open_wall()
        await wall.start()
        await self.aenter(self.ann)
        with self.assertRaises(NoFrame):
            await wall.receive_event()

    async def test_an_invalid_last_id_is_ignored(self):
        await self.lobby.messages.acreate(author=self.ann, text="one")
        for nonsense in ["x", "9" * 5000, "-1"]:
            wall = self.open_wall(last_event_id=nonsense)
            self.assertEqual((await wall.receive_event()).json()["text"], "one")

    async def test_a_stranger_is_sent_to_the_login_page(self):
        wall = HttpCommunicator(None, "GET", "/rooms/lobby/stream/")
        self.assertEqual(await wall.start(), 302)

    def test_a_room_is_shown_to_its_members_only(self):
        for user, status in [(self.ann, 200), (self.cal, 404)]:
            self.client.force_login(user)
            response = self.client.get("/rooms/lobby/wall/")
            self.assertEqual(response.status_code, status)
