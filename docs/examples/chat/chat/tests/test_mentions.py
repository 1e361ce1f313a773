from django.db import transaction

from chat.groups import user_group

from .rooms import RoomTestCase

NOTIFICATIONS = "/ws/notifications/"


class MentionTests(RoomTestCase):
    # docs:start mentions
    def test_ben_is_notified_outside_the_room(self):
        [ann] = self.enter(self.ann)
        ben = self.connect("/ws/notifications/", user=self.ben)
        ann.send_json({"type": "say", "text": "Lunch, @ben?"})
        expected = {"type": "mention", "room": "lobby", "text": "Lunch, @ben?"}
        self.assertReceivesJson(ben, expected, partial=True)

    # docs:end mentions

    def test_only_other_members_are_notified(self):
        ann, ben, cal = self.connect_many(
            path=NOTIFICATIONS, users=[self.ann, self.ben, self.cal]
        )
        self.lobby.messages.create(author=self.ann, text="@ann, @ben and @cal: lunch!")
        self.assertOnlyReceive([ben], {"type": "mention"}, partial=True)
        self.assertReceivesNothing(ann)
        self.assertReceivesNothing(cal)

    # docs:start on-commit
    def test_ben_is_notified_after_the_commit(self):
        ben = self.connect("/ws/notifications/", user=self.ben)
        with transaction.atomic():
            self.lobby.messages.create(author=self.ann, text="Lunch, @ben?")
            self.assertReceivesNothing(ben)
        self.assertReceivesJson(ben, {"type": "mention"}, partial=True)

    def test_ben_is_not_notified_after_a_rollback(self):
        with self.assertRaises(RuntimeError), transaction.atomic():
            self.lobby.messages.create(author=self.ann, text="Lunch, @ben?")
            raise RuntimeError
        self.assertNothingGroupSent(user_group(self.ben))

    # docs:end on-commit

    def test_a_mention_waits_until_it_is_read(self):
        self.lobby.messages.create(author=self.ann, text="Lunch, @ben?")
        first = self.connect(NOTIFICATIONS, user=self.ben)
        mention = self.assertReceivesJson(first, {"user": "ann"}, partial=True)
        first.send_json({"type": "read", "id": mention["id"]})
        second = self.connect(NOTIFICATIONS, user=self.ben)
        self.assertReceivesNothing(second)

    def test_nobody_reads_the_mentions_of_others(self):
        self.lobby.messages.create(author=self.ann, text="Lunch, @ben?")
        mention = self.ben.mentions.get()
        ann = self.connect(NOTIFICATIONS, user=self.ann)
        ann.send_json({"type": "read", "id": mention.pk})
        mention.refresh_from_db()
        self.assertFalse(mention.is_read)

    async def test_bad_input_gets_an_error(self):
        ben = await self.aconnect(NOTIFICATIONS, user=self.ben)
        await ben.send_text("mark it read")
        self.assertReceivesJson(ben, {"type": "error", "errors": ["Not JSON."]})
