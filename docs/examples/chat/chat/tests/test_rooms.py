from django.test import override_settings

from .rooms import RoomTestCase


class HistoryTests(RoomTestCase):
    # docs:start history
    @classmethod
    def setUpTestData(cls):
        super().setUpTestData()
        for text in ["one", "two", "three"]:
            cls.lobby.messages.create(author=cls.ann, text=text)

    def test_the_welcome_has_the_history(self):
        ben = self.connect(user=self.ben)
        welcome = ben.receive_json()
        said = [message["text"] for message in welcome["history"]]
        self.assertEqual(said, ["one", "two", "three"])

    @override_settings(CHAT_HISTORY_LENGTH=1)
    def test_the_history_has_a_limit(self):
        ben = self.connect(user=self.ben)
        self.assertReceivesJson(ben, {"history": [{"text": "three"}]}, partial=True)

    # docs:end history

    def test_a_hidden_message_is_not_shown(self):
        self.lobby.messages.exclude(text="two").update(is_hidden=True)
        ben = self.connect(user=self.ben)
        self.assertReceivesJson(ben, {"history": [{"text": "two"}]}, partial=True)

    async def test_the_history_of_another_room_stays_there(self):
        cal = await self.aconnect("/ws/chat/garden/", user=self.cal)
        expected = {"type": "welcome", "history": [], "present": ["cal"]}
        self.assertReceivesJson(cal, expected)


class SayTests(RoomTestCase):
    def test_a_message_is_stored(self):
        [ann] = self.enter(self.ann)
        ann.send_json({"type": "say", "text": "hello"})
        self.assertEqual(self.lobby.messages.get().text, "hello")

    def test_messages_of_other_tests_are_rolled_back(self):
        [ann] = self.enter(self.ann)
        ann.send_json({"type": "say", "text": "good evening"})
        self.assertEqual(self.lobby.messages.get().text, "good evening")

    async def test_a_message_is_stored_async(self):
        [ann] = await self.aenter(self.ann)
        await ann.send_json({"type": "say", "text": "hello"})
        message = await self.lobby.messages.select_related("author").aget()
        self.assertEqual(message.author, self.ann)

    def test_the_whole_room_receives_a_message(self):
        ann, ben = self.enter(self.ann, self.ben)
        ann.send_json({"type": "say", "text": "hello"})
        expected = {
            "type": "message",
            "id": int,
            "user": "ann",
            "text": "hello",
            "created": self.lobby.messages.get().created.isoformat(),
        }
        self.assertAllReceive([ann, ben], expected)

    # docs:start only-receive
    def test_the_other_rooms_receive_nothing(self):
        ann, ben = self.enter(self.ann, self.ben)
        [cal] = self.enter(self.cal, path="/ws/chat/garden/")
        ann.send_json({"type": "say", "text": "hello"})
        self.assertOnlyReceive([ann, ben], {"text": "hello"}, partial=True)
        self.assertReceivesNothing(cal)

    # docs:end only-receive

    # docs:start group-sent
    def test_what_is_sent_to_the_group(self):
        [ann] = self.enter(self.ann)
        ann.send_json({"type": "say", "text": "hello"})
        frame = {"type": "message", "text": "hello", "id": lambda pk: pk > 0}
        self.assertGroupSent("room.lobby", {"frame": frame}, partial=True)
        self.assertNothingGroupSent("room.garden")

    # docs:end group-sent

    def test_messages_are_sent_in_the_order_in_which_they_were_said(self):
        [ann] = self.enter(self.ann)
        with self.captureSent(group="room.lobby") as sent:
            for text in ["one", "two"]:
                ann.send_json({"type": "say", "text": text})
        said = [entry.message["frame"]["text"] for entry in sent]
        self.assertEqual(said, ["one", "two"])

    def test_a_message_takes_one_query(self):
        [ann] = self.enter(self.ann)
        with self.assertNumQueries(1):
            ann.send_json({"type": "say", "text": "hello"})

    # docs:start bad-input
    def test_bad_input_gets_an_error(self):
        [ann] = self.enter(self.ann)
        for nonsense in ["", "{", "[]", '{"type": "shout"}', '{"type": "say"}']:
            with self.subTest(nonsense):
                ann.send_text(nonsense)
                self.assertReceivesJson(ann, {"type": "error", "errors": [str]})
        ann.send_json({"type": "say", "text": "still here"})
        self.assertReceivesJson(ann, {"text": "still here"}, partial=True)

    # docs:end bad-input

    def test_a_text_that_cannot_be_stored_gets_an_error(self):
        ann, ben = self.enter(self.ann, self.ben)
        for text in ["", " ", "x" * 501, "\0", "\ud800", 5, None]:
            with self.subTest(text=text):
                ann.send_json({"type": "say", "text": text})
                self.assertReceivesJson(ann, {"type": "error"}, partial=True)
        self.assertReceivesNothing(ben)
        self.assertFalse(self.lobby.messages.exists())

    def test_bytes_get_an_error(self):
        [ann] = self.enter(self.ann)
        ann.send_bytes(b"\x00")
        self.assertReceivesJson(ann, {"type": "error", "errors": ["Not JSON."]})
