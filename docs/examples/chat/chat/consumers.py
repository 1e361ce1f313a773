import random

from asgiref.sync import async_to_sync
from channels.consumer import SyncConsumer
from channels.generic.websocket import (
    AsyncJsonWebsocketConsumer,
    JsonWebsocketConsumer,
)
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import transaction

from . import frames
from .forms import MessageForm
from .groups import account_group, login_group, relay, user_group
from .models import Message, Presence, Room

BAD_REQUEST = 4400
NOT_LOGGED_IN = 4401
NO_SUCH_ROOM = 4404


class ChatConsumer(AsyncJsonWebsocketConsumer):
    """
    One tab in one room.

    It understands ``{"type": "say", "text": ...}`` and
    ``{"type": "report", "id": ...}``, and answers nonsense with an error.
    """

    room = None
    my_groups = ()

    async def connect(self):
        self.user = self.scope["user"]
        if not self.user.is_authenticated:
            await self.close(NOT_LOGGED_IN, "log in first")
            return
        slug = self.scope["url_route"]["kwargs"]["slug"]
        self.room = await Room.objects.open_to(self.user).filter(slug=slug).afirst()
        if self.room is None:
            await self.close(NO_SUCH_ROOM, "no such room")
            return
        await self.enter()
        await self.accept()
        await self.welcome()

    async def enter(self):
        if await Presence.objects.aenter(self.room, self.user, self.channel_name):
            await self.tell_room({"type": "joined", "user": self.user.username})
        self.my_groups = [
            self.room.group,
            login_group(self.scope["session"]),
            account_group(self.user),
        ]
        for group in self.my_groups:
            await self.channel_layer.group_add(group, self.channel_name)

    async def welcome(self):
        # Read after joining the group: a message may come twice, here and
        # from the group, but it is never missed. The page looks at the id.
        history = [message.as_frame() async for message in self.room.latest_messages()]
        present = get_user_model().objects.filter(presences__room=self.room)
        names = present.order_by("username").values_list("username", flat=True)
        await self.send_json(
            {
                "type": "welcome",
                "history": history[::-1],
                "present": [name async for name in names.distinct()],
            }
        )

    async def disconnect(self, code):
        if self.room is None:
            return
        for group in self.my_groups:
            await self.channel_layer.group_discard(group, self.channel_name)
        if await Presence.objects.aleave(self.room, self.user, self.channel_name):
            await self.tell_room({"type": "left", "user": self.user.username})

    async def receive(self, text_data=None, bytes_data=None, **kwargs):
        try:
            match frames.decode(text_data):
                case {"type": "say", "text": str(text)}:
                    await self.say(text)
                case {"type": "report", "id": int(pk)}:
                    await self.report(pk)
                case _:
                    raise ValidationError("Unknown command.")
        except ValidationError as exception:
            await self.send_json(frames.error(exception))

    async def say(self, text):
        form = MessageForm({"text": text})
        if not form.is_valid():
            raise ValidationError(form.errors["text"])
        message = await Message.objects.acreate(
            room=self.room, author=self.user, **form.cleaned_data
        )
        await self.tell_room(message.as_frame())

    async def report(self, pk):
        if not await self.room.messages.filter(pk=pk).aexists():
            raise ValidationError("No such message.")
        await self.channel_layer.send(
            "moderation",
            {"type": "message.reported", "message": pk, "reporter": self.user.pk},
        )

    async def tell_room(self, frame):
        await self.channel_layer.group_send(self.room.group, relay(frame))

    async def relay(self, event):
        await self.send_json(event["frame"])

    async def logged_out(self, event):
        await self.close(NOT_LOGGED_IN, "logged out")


class NotificationConsumer(JsonWebsocketConsumer):
    """
    What concerns one user, in whatever room.

    It understands ``{"type": "read", "id": ...}``.
    """

    my_groups = ()

    def connect(self):
        self.user = self.scope["user"]
        if not self.user.is_authenticated:
            self.close(NOT_LOGGED_IN, "log in first")
            return
        self.my_groups = (
            user_group(self.user),
            login_group(self.scope["session"]),
            account_group(self.user),
        )
        for group in self.my_groups:
            async_to_sync(self.channel_layer.group_add)(group, self.channel_name)
        self.accept()
        mentions = self.user.mentions.filter(is_read=False)
        for mention in mentions.select_related("message__author", "message__room"):
            self.send_json(mention.as_frame())

    def disconnect(self, code):
        for group in self.my_groups:
            async_to_sync(self.channel_layer.group_discard)(group, self.channel_name)

    def receive(self, text_data=None, bytes_data=None, **kwargs):
        try:
            match frames.decode(text_data):
                case {"type": "read", "id": int(pk)}:
                    self.user.mentions.filter(pk=pk).update(is_read=True)
                case _:
                    raise ValidationError("Unknown command.")
        except ValidationError as exception:
            self.send_json(frames.error(exception))

    def relay(self, event):
        self.send_json(event["frame"])

    def logged_out(self, event):
        self.close(NOT_LOGGED_IN, "logged out")


class DiceConsumer(JsonWebsocketConsumer):
    """A die with as many sides as the URL says: any frame rolls it."""

    def connect(self):
        self.sides = self.scope["url_route"]["kwargs"]["sides"]
        if self.sides < 2:
            self.close(BAD_REQUEST, "a die has two sides at least")
        else:
            self.accept()

    def receive(self, text_data=None, bytes_data=None, **kwargs):
        self.send_json({"type": "rolled", "value": random.randint(1, self.sides)})


class ModerationConsumer(SyncConsumer):
    """The worker behind the channel "moderation": ``runworker moderation``."""

    def message_reported(self, event):
        with transaction.atomic():
            # Locked, so that the last two reports cannot miss each other.
            messages = Message.objects.select_for_update().filter(pk=event["message"])
            reporters = get_user_model().objects.filter(pk=event["reporter"])
            message, reporter = messages.first(), reporters.first()
            # Either may be gone by the time the worker gets here.
            if message and reporter:
                message.report(reporter)
