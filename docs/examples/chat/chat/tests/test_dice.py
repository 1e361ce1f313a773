# docs:start bare-consumer
from channels_testkit import SimpleWebsocketTestCase

from chat.consumers import DiceConsumer


class DiceTests(SimpleWebsocketTestCase):
    application = DiceConsumer.as_asgi()
    ws_path = "/dice/"

    def test_the_sides_are_in_the_url(self):
        die = self.connect(path_kwargs={"sides": 20})
        die.send_text("roll")
        expected = {"type": "rolled", "value": lambda value: 1 <= value <= 20}
        self.assertReceivesJson(die, expected)
        # docs:end bare-consumer

    def test_there_is_no_die_with_one_side(self):
        for sides in [0, 1]:
            with self.subTest(sides=sides):
                die = self.create_client(path_kwargs={"sides": sides})
                die.connect()
                self.assertRejected(die, code=4400)

    async def test_each_frame_is_a_roll(self):
        die = await self.aconnect(path_kwargs={"sides": 2})
        for _ in range(10):
            await die.send_bytes(b"roll")
        rolls = await die.receive_all_json()
        self.assertEqual(len(rolls), 10)
        self.assertLessEqual({roll["value"] for roll in rolls}, {1, 2})
