"""What the page on faults shows."""

from __future__ import annotations

import itertools
from typing import Any

from channels.exceptions import ChannelFull
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.layers import get_channel_layer

from channels_testkit import Channel, WebsocketTestCase
from tests.app.models import Note


# docs:start board
class Board(AsyncJsonWebsocketConsumer):
    """Shows each note once, whatever the layer does with its messages."""

    async def connect(self) -> None:
        self.shown: set[int] = set()
        await self.channel_layer.group_add("board", self.channel_name)
        await self.accept()

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        if "since" in content:
            async for note in Note.objects.filter(pk__gt=content["since"]):
                await self.show(note.pk, note.text)
            return
        note = await Note.objects.acreate(text=content["text"])
        message = {"type": "board.note", "id": note.pk, "text": note.text}
        try:
            await self.channel_layer.group_send("board", message)
        except ConnectionError:
            await self.send_json({"error": "others will see it later"})

    async def board_note(self, event: dict[str, Any]) -> None:
        await self.show(event["id"], event["text"])

    async def show(self, pk: int, text: str) -> None:
        if pk not in self.shown:
            self.shown.add(pk)
            await self.send_json({"id": pk, "text": text})

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard("board", self.channel_name)


# docs:end board


# docs:start desk
class Desk(AsyncJsonWebsocketConsumer):
    """Says who comes and goes; a visit that is over cannot end the next."""

    visits = itertools.count(1)

    async def connect(self) -> None:
        self.there: dict[str, int] = {}
        self.who = self.scope["url_route"]["kwargs"]["who"]
        self.visit = next(self.visits)
        await self.accept()
        await self.channel_layer.group_add("desk", self.channel_name)
        await self.tell("desk.joined")

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard("desk", self.channel_name)
        await self.tell("desk.left")

    async def tell(self, kind: str) -> None:
        message = {"type": kind, "who": self.who, "visit": self.visit}
        await self.channel_layer.group_send("desk", message)

    async def desk_joined(self, event: dict[str, Any]) -> None:
        self.there[event["who"]] = event["visit"]
        await self.send_json({"joined": event["who"]})

    async def desk_left(self, event: dict[str, Any]) -> None:
        if self.there.get(event["who"]) == event["visit"]:
            await self.send_json({"left": event["who"]})


# docs:end desk


class BoardTests(WebsocketTestCase):
    application = Board.as_asgi()
    ws_path = "/"

    # docs:start twice
    def test_a_repeated_message_is_shown_once(self) -> None:
        ann, ben = self.connect_many(2)
        with self.layer_faults(duplicate=1, channel=ben):
            ann.send_json({"text": "milk"})
        self.assertReceivesJson(ben, {"text": "milk"}, partial=True)
        self.assertReceivesNothing(ben)

    # docs:end twice

    # docs:start lost
    def test_a_lost_note_is_shown_after_a_reconnect(self) -> None:
        ann, ben = self.connect_many(2)
        with self.layer_faults(lose=1, channel=ben) as faults:
            ann.send_json({"text": "milk"})
        self.assertReceivesNothing(ben)
        self.assertEqual(faults.lost[0].group, "board")

        ben.drop()
        ben.reconnect()
        ben.send_json({"since": 0})
        self.assertReceivesJson(ben, {"text": "milk"}, partial=True)

    # docs:end lost

    # docs:start error
    def test_the_sender_stays_connected(self) -> None:
        ann = self.connect()
        with self.layer_faults(error=1, group="board"):
            ann.send_json({"text": "milk"})
        self.assertReceivesJson(ann, {"error": "others will see it later"})
        self.assertOpen(ann)

    # docs:end error

    # docs:start share
    def test_every_note_is_shown_in_the_end(self) -> None:
        ann, ben = self.connect_many(2)
        with self.layer_faults(lose=0.5, group="board", channel=ben, seed=7):
            for number in range(20):
                ann.send_json({"text": f"note {number}"})
        ben.send_json({"since": 0})
        self.assertEqual(len(ben.receive_all_json()), 20)

    # docs:end share

    # docs:start predicate
    def test_only_milk_is_lost(self) -> None:
        ann, ben = self.connect_many(2)
        with self.layer_faults(lose=lambda message: message["text"] == "milk"):
            ann.send_json({"text": "milk"})
            ann.send_json({"text": "tea"})
        self.assertReceivesJson(ben, {"text": "tea"}, partial=True)

    # docs:end predicate

    # docs:start full
    async def test_a_channel_that_is_full(self) -> None:
        layer = get_channel_layer()
        with self.layer_faults(error=ChannelFull, channel="thumbnails") as faults:
            with self.assertRaises(ChannelFull):
                await layer.send("thumbnails", {"type": "make", "id": 1})
            await layer.send("mails", {"type": "deliver"})
        self.assertEqual(len(faults.failed), 1)
        self.assertNothingSent(Channel("thumbnails"))

    # docs:end full


# docs:start class
class DeskTests(WebsocketTestCase):
    application = Desk.as_asgi()
    use_virtual_time = True

    def enter(self, who: str) -> Any:
        return self.connect("/", path_kwargs={"who": who}, name=who)

    # docs:end class

    # docs:start late
    def test_a_late_message_does_not_end_the_next_visit(self) -> None:
        ann, ben = self.enter("ann"), self.enter("ben")
        with self.layer_faults(delay=says_that_somebody_left, by=5):
            ben.drop()
        ben.reconnect()
        ann.receive_all_json()
        self.advance(5)
        self.assertReceivesNothing(ann)

    # docs:end late

    # docs:start end
    def test_a_late_message_comes_at_the_end(self) -> None:
        ann, ben = self.enter("ann"), self.enter("ben")
        with self.layer_faults(delay=says_that_somebody_left):
            ben.drop()
            ben.reconnect()
            ann.receive_all_json()
        self.assertReceivesNothing(ann)

    # docs:end end


# docs:start who-leaves
def says_that_somebody_left(message: dict[str, Any]) -> bool:
    return message["type"] == "desk.left"


# docs:end who-leaves
