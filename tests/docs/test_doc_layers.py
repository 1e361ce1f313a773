"""More examples of layers and groups, and of signed cookies."""

from __future__ import annotations

from typing import Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.sessions import CookieMiddleware
from django.contrib.auth.models import User
from django.http import HttpRequest

from channels_testkit import Group, WebsocketTestCase


class LayerTests(WebsocketTestCase):
    # docs:start undelivered
    def test_only_the_sending_matters(self):
        ann, ben = self.connect_many(2, "/ws/room/1/")
        with self.captureSent(group="room-1", deliver=False) as sent:
            ann.send_json({"note": "hello"})
        self.assertEqual(sent[0].message["content"], {"note": "hello"})
        self.assertReceivesNothing(ben)

    # docs:end undelivered

    # docs:start sender
    def test_anns_consumer_sends_the_message(self):
        ann = self.connect("/ws/room/1/", name="ann")
        ann.send_json({"note": "hello"})
        sender = self.assertGroupSent("room-1").sender
        self.assertIs(sender.consumer, ann.consumer)
        self.assertEqual(sender.label, "ann (/ws/room/1/)")
        self.assertEqual(sender.function, "RoomConsumer.receive_json")

    # docs:end sender


# docs:start group-name
class NotificationTests(WebsocketTestCase):
    def get_group_name(self, obj: Any) -> str:
        return f"{obj._meta.model_name}-{obj.username}"

    def test_ann_is_notified(self):
        ann = User.objects.create_user("ann")
        Group("user-ann").send({"type": "notify", "text": "hello"})
        self.assertGroupSent(ann, {"type": "notify"}, partial=True)
        # docs:end group-name


class SeatConsumer(AsyncJsonWebsocketConsumer):
    async def connect(self) -> None:
        await self.accept()
        request = HttpRequest()
        request.COOKIES = self.scope["cookies"]
        await self.send_json(request.get_signed_cookie("seat", salt="theater"))


class SeatTests(WebsocketTestCase):
    application = CookieMiddleware(SeatConsumer.as_asgi())
    ws_path = "/"

    # docs:start signed-cookies
    def test_the_seat_is_known_by_its_cookie(self):
        ann = self.connect(signed_cookies={"seat": ("7a", "theater")})
        self.assertReceivesJson(ann, "7a")
        # docs:end signed-cookies
