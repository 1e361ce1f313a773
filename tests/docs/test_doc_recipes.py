"""Short recipes of several pages."""

from __future__ import annotations

from asgiref.sync import async_to_sync
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.layers import get_channel_layer
from django.db import transaction
from django.db.models.signals import post_save

from channels_testkit import (
    Channel,
    ChannelTestCase,
    Group,
    SimpleWebsocketTestCase,
    WebsocketTestCase,
)
from tests.app.models import Note


# docs:start denial
async def guarded(scope, receive, send):
    """Answer the handshake with a response, as a middleware may."""
    headers = [(b"retry-after", b"60")]
    start = {"type": "websocket.http.response.start", "status": 503, "headers": headers}
    await send(start)
    await send({"type": "websocket.http.response.body", "body": b"Come back later."})


class DenialTests(SimpleWebsocketTestCase):
    application = guarded

    def test_the_response_to_a_rejected_handshake(self):
        ann = self.create_client("/")
        handshake = ann.connect()
        self.assertRejected(ann, status=503)
        self.assertEqual(handshake.body, b"Come back later.")
        self.assertIn((b"retry-after", b"60"), handshake.headers)
        # docs:end denial


class ThemeConsumer(AsyncJsonWebsocketConsumer):
    async def connect(self) -> None:
        await self.accept(headers=[(b"set-cookie", b"theme=dark; Path=/")])


class HandshakeTests(WebsocketTestCase):
    # docs:start answered-headers
    def test_the_handshake_sets_a_cookie(self):
        ann = self.connect("/", application=ThemeConsumer.as_asgi())
        cookie = (b"set-cookie", b"theme=dark; Path=/")
        self.assertIn(cookie, ann.response_headers)
        self.assertEqual(ann.cookies["theme"].value, "dark")

    # docs:end answered-headers

    # docs:start session
    def test_a_cart_from_before_the_connection(self):
        ann = self.create_client("/ws/echo/")
        session = ann.session
        session["cart"] = ["milk"]
        session.save()
        ann.connect()
        self.assertEqual(ann.scope["session"]["cart"], ["milk"])

    # docs:end session

    # docs:start consumer
    def test_the_consumer_of_a_connection(self):
        ann = self.connect("/ws/room/1/")
        self.assertEqual(ann.consumer.room, "room-1")
        self.assertEqual(ann.scope["url_route"]["kwargs"], {"number": 1})
        self.assertEqual(ann.groups, ["room-1"])

    # docs:end consumer

    # docs:start handler
    def test_one_handler(self):
        ann, ben = self.connect_many(2, "/ws/room/1/")
        message = {"type": "room.message", "content": {"text": "hello"}}
        Channel(ann.channel_name).send(message)
        self.assertReceivesJson(ann, {"text": "hello"})
        self.assertReceivesNothing(ben)

    def test_one_method(self):
        ann = self.connect("/ws/room/1/")
        async_to_sync(ann.consumer.room_message)({"content": {"text": "hello"}})
        self.assertReceivesJson(ann, {"text": "hello"})

    # docs:end handler


class LayerTests(ChannelTestCase):
    # docs:start expiry
    def test_a_message_expires_after_a_minute(self):
        with self.virtual_time():
            Channel("thumbnails").send({"type": "make", "id": 1})
            self.advance(61)
            self.assertIsNone(self.get_next_message("thumbnails"))

    def test_a_member_expires_after_a_day(self):
        with self.virtual_time():
            Group("lobby").add("ann")
            self.advance(24 * 60 * 60 + 1)
            self.assertGroupMembers("lobby", [])

    # docs:end expiry

    # docs:start names
    def test_an_invalid_group_name(self):
        with self.assertRaisesMessage(TypeError, "periods, not 'room 1'"):
            Group("room 1").send({"type": "room.message"})

    # docs:end names


# docs:start signal
def tell_readers(instance, **kwargs):
    """Tell the readers after the commit, when they can read the note."""
    event = {"type": "note.saved", "id": instance.pk}
    send = async_to_sync(get_channel_layer().group_send)
    transaction.on_commit(lambda: send("readers", event))


class SignalTests(ChannelTestCase):
    def setUp(self):
        post_save.connect(tell_readers, sender=Note)
        self.addCleanup(post_save.disconnect, tell_readers, sender=Note)

    def test_a_saved_note_is_sent(self):
        with self.assertGroupSentAfterCommit("readers", count=1) as sent:
            note = Note.objects.create(text="hello")
        self.assertEqual(sent[0].message, {"type": "note.saved", "id": note.pk})

    def test_a_note_that_is_rolled_back_is_not_sent(self):
        with self.assertNothingGroupSent("readers"):
            with transaction.atomic():
                Note.objects.create(text="hello")
                transaction.set_rollback(True)
                # docs:end signal
