from channels_testkit import ChannelClient, ChannelTestCase, Group
from django.contrib.auth import get_user_model
from django.test import override_settings

from chat.groups import relay
from chat.models import Room

from .rooms import RoomTestCase


class ReportTests(RoomTestCase):
    @classmethod
    def setUpTestData(cls):
        super().setUpTestData()
        cls.message = cls.lobby.messages.create(author=cls.ann, text="spam")

    # docs:start worker-channel
    def test_a_report_is_sent_to_the_worker(self):
        [ben] = self.enter(self.ben)
        ben.send_json({"type": "report", "id": self.message.pk})
        work = self.get_next_message("moderation", require=True)
        self.assertEqual(work["type"], "message.reported")
        self.assertEqual(work["message"], self.message.pk)
        self.assertEqual(work["reporter"], self.ben.pk)

    # docs:end worker-channel

    def test_every_report_is_sent(self):
        ann, ben = self.enter(self.ann, self.ben)
        for member in [ann, ben]:
            member.send_json({"type": "report", "id": self.message.pk})
        self.assertSent(
            "moderation", {"message": self.message.pk}, partial=True, count=2
        )
        self.assertSent("moderation", lambda work: work["reporter"] == self.ben.pk)

    def test_a_message_of_another_room_cannot_be_reported(self):
        [cal] = self.enter(self.cal, path="/ws/chat/garden/")
        cal.send_json({"type": "report", "id": self.message.pk})
        self.assertReceivesJson(cal, {"type": "error", "errors": ["No such message."]})
        self.assertNothingSent("moderation")

    # docs:start run-worker
    def test_the_worker_hides_what_two_members_report(self):
        ann, ben = self.enter(self.ann, self.ben)
        with self.run_worker("moderation"):
            ann.send_json({"type": "report", "id": self.message.pk})
            self.assertReceivesNothing(ben)
            ben.send_json({"type": "report", "id": self.message.pk})
            self.assertAllReceive([ann, ben], {"type": "hidden", "id": self.message.pk})

    async def test_the_worker_hides_what_two_members_report_async(self):
        ann, ben = await self.aenter(self.ann, self.ben)
        async with self.run_worker("moderation"):
            for member in [ann, ben]:
                await member.send_json({"type": "report", "id": self.message.pk})
        self.assertAllReceive([ann, ben], {"type": "hidden", "id": self.message.pk})

    # docs:end run-worker

    # docs:start channel-client
    @override_settings(CHAT_REPORTS_TO_HIDE=1)
    def test_one_report_is_handled(self):
        report = {"type": "message.reported", "message": self.message.pk}
        worker = ChannelClient()
        worker.send_and_consume("moderation", {**report, "reporter": self.ben.pk})
        hidden = relay({"type": "hidden", "id": self.message.pk})
        self.assertGroupSent("room.lobby", hidden)

    # docs:end channel-client

    def test_the_worker_survives_a_message_that_is_gone(self):
        report = {"type": "message.reported", "message": 0, "reporter": self.ben.pk}
        ChannelClient().send_and_consume("moderation", report)
        self.assertNothingGroupSent()

    def test_a_message_of_another_process_reaches_the_room(self):
        [ann] = self.enter(self.ann)
        Group("room.lobby").send(relay({"type": "hidden", "id": 7}))
        self.assertReceivesJson(ann, {"type": "hidden", "id": 7})


class HideTests(ChannelTestCase):
    @classmethod
    def setUpTestData(cls):
        create_user = get_user_model().objects.create_user
        cls.ann, cls.ben, cls.cal = map(create_user, ["ann", "ben", "cal"])
        cls.message = Room.objects.create(slug="lobby").messages.create(
            author=cls.ann, text="spam"
        )

    def test_the_second_member_hides_the_message(self):
        self.message.report(self.ben)
        self.assertNothingGroupSent()
        self.message.report(self.cal)
        hidden = relay({"type": "hidden", "id": self.message.pk})
        self.assertGroupSent("room.lobby", hidden, count=1)

    def test_one_member_counts_once(self):
        for _ in range(3):
            self.message.report(self.ben)
        self.assertFalse(self.message.is_hidden)
        self.assertNothingGroupSent("room.lobby")

    def test_a_message_is_hidden_once(self):
        for reporter in [self.ann, self.ben, self.cal]:
            self.message.report(reporter)
        self.assertGroupSent("room.lobby", count=1)
