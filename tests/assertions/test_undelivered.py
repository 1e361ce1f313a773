"""What ``captureSent(deliver=False)`` captures arrives nowhere."""

from __future__ import annotations

from channels.layers import get_channel_layer

from channels_testkit import Channel, ChannelClient, Group, WebsocketTestCase
from tests.utils import OuterTestCase, run_case

ROOM = "/ws/room/1/"


class UndeliveredTests(WebsocketTestCase):
    def test_nobody_gets_what_is_sent_to_a_group(self):
        ann, ben = self.connect_many(2, ROOM)
        with self.captureSent(group="room-1", deliver=False) as sent:
            ann.send_json({"message": "hello"})
        (entry,) = sent
        self.assertEqual(entry.message["content"], {"message": "hello"})
        self.assertEqual(entry.receivers, ())
        kinds = [(fault.kind, fault.channel) for fault in entry.faults]
        self.assertCountEqual(
            kinds, [("captured", ann.channel_name), ("captured", ben.channel_name)]
        )
        self.assertReceivesNothing(ann)
        ann.send_json({"message": "again"})
        self.assertReceivesJson(ben, {"message": "again"})

    async def test_nobody_gets_it_in_an_async_test(self):
        ann = await self.aconnect(ROOM)
        with self.captureSent(deliver=False) as sent:
            await ann.send_json({"message": "hello"})
            layer = get_channel_layer()
            await layer.send("jobs", {"type": "make"})
        self.assertEqual([it.kind for it in sent], ["group_send", "send"])
        self.assertReceivesNothing(ann)
        self.assertIsNone(self.get_next_message("jobs"))

    def test_a_channel_gets_what_is_sent_to_others(self):
        with self.captureSent(channel="jobs", deliver=False) as sent:
            Channel("jobs").send({"type": "make"})
            Channel("mails").send({"type": "make"})
        self.assertEqual([entry.channel for entry in sent], ["jobs"])
        self.assertIsNone(self.get_next_message("jobs"))
        self.assertEqual(self.get_next_message("mails"), {"type": "make"})

    def test_a_member_gets_what_is_sent_to_itself(self):
        ann = self.connect(ROOM)
        message = {"type": "room.message", "content": "hello"}
        with self.captureSent(group="room-1", deliver=False) as sent:
            Channel(ann.channel_name).send(message)
        self.assertEqual(sent, [])
        self.assertReceivesJson(ann, "hello")

    def test_a_full_channel_raises_nothing(self):
        with self.captureSent(deliver=False) as sent:
            for number in range(200):
                Channel("jobs").send({"type": "make", "number": number})
        self.assertEqual(len(sent), 200)

    def test_nested_blocks(self):
        Group("room-1").add("ann-channel")
        with self.captureSent(group="room-1", deliver=False) as outer:
            with self.captureSent() as inner:
                Group("room-1").send({"type": "a"})
            with self.captureSent(channel="jobs", deliver=False) as jobs:
                Channel("jobs").send({"type": "b"})
                Group("room-1").send({"type": "c"})
        self.assertEqual([it.message["type"] for it in outer], ["a", "c"])
        self.assertEqual([it.message["type"] for it in inner], ["a"])
        self.assertEqual([it.message["type"] for it in jobs], ["b"])
        self.assertIsNone(self.get_next_message("ann-channel"))

    def test_a_block_within_itself(self):
        block = self.captureSent(channel="jobs", deliver=False)
        with block:
            with block:
                Channel("jobs").send({"type": "a"})
            Channel("jobs").send({"type": "b"})
        Channel("jobs").send({"type": "c"})
        self.assertEqual(self.get_next_message("jobs"), {"type": "c"})

    def test_faults_within_the_block_come_first(self):
        ann = self.connect(ROOM)
        with self.captureSent(deliver=False) as sent:
            with self.layer_faults(lose=1):
                ann.send_json({"message": "hello"})
        self.assertEqual([it.kind for it in sent[0].faults], ["lost"])

    def test_an_exception_in_the_block_ends_it(self):
        with self.assertRaises(LookupError):
            with self.captureSent(deliver=False):
                raise LookupError
        Channel("jobs").send({"type": "make"})
        self.assertEqual(self.get_next_message("jobs"), {"type": "make"})

    def test_an_assertion_in_the_block_sees_what_is_captured(self):
        with self.captureSent(deliver=False):
            Group("room-1").send({"type": "make"})
            self.assertGroupSent("room-1", {"type": "make"})


class FailureTests(OuterTestCase):
    def test_a_receive_that_gets_nothing_names_the_block(self):
        class Inner(WebsocketTestCase):
            def test(self):
                ann = self.connect(ROOM)
                with self.captureSent(deliver=False):
                    ann.send_json({"message": "hello"})
                ann.receive_json()

        (text,) = run_case(Inner, "test").texts
        self.assertEqual(
            text.partition("\n")[0],
            "No JSON frame from /ws/room/1/: the message 'room.message' to group"
            " 'room-1' was captured by captureSent(deliver=False).",
        )

    def test_a_channel_without_messages_names_the_block(self):
        class Inner(WebsocketTestCase):
            def send(self):
                with self.captureSent(deliver=False):
                    Channel("jobs").send({"type": "make"})

            def test_next_message(self):
                self.send()
                self.get_next_message("jobs", require=True)

            def test_consume(self):
                self.send()
                ChannelClient().consume("jobs")

            def test_lost(self):
                with self.layer_faults(lose=1):
                    Channel("jobs").send({"type": "make"})
                self.get_next_message("jobs", require=True)

        captured = "was captured by captureSent(deliver=False)."
        for name, end in [
            ("test_next_message", captured),
            ("test_consume", captured),
            ("test_lost", "was lost by layer_faults()."),
        ]:
            with self.subTest(name):
                (text,) = run_case(Inner, name).texts
                self.assertEqual(
                    text.splitlines()[1:],
                    [
                        "Channels that hold messages: none.",
                        f"The message 'make' to channel 'jobs' {end}",
                    ],
                )

    def test_faults_around_the_block_name_it(self):
        class Inner(WebsocketTestCase):
            def test(self):
                Group("room-1").add("ann-channel")
                with self.layer_faults(lose=1):
                    with self.captureSent(deliver=False):
                        Group("room-1").send({"type": "make"})

        (text,) = run_case(Inner, "test").texts
        self.assertEqual(
            text.partition("\n")[0],
            "layer_faults(lose=1) has lost nothing: captureSent(deliver=False) has kept"
            " what was sent.",
        )
