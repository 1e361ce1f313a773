"""What the page on logins that end shows."""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync
from channels.auth import AuthMiddlewareStack
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.layers import get_channel_layer
from channels.routing import URLRouter
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_out
from django.db.models.signals import post_delete, post_save
from django.test import override_settings
from django.urls import path

from channels_testkit import Group, WebsocketTestCase
from tests.websocket.test_revoked import urlpatterns

__all__ = ("urlpatterns",)


# docs:start consumer
class Desk(AsyncJsonWebsocketConsumer):
    """Shows news to its user until the login ends."""

    async def connect(self) -> None:
        user = self.scope["user"]
        if not user.is_authenticated:
            await self.close(4401)
            return
        self.groups = ["desk", f"user-{user.pk}"]
        for group in self.groups:
            await self.channel_layer.group_add(group, self.channel_name)
        await self.accept()

    async def desk_news(self, event: dict[str, Any]) -> None:
        await self.send_json({"news": event["text"]})

    async def login_ended(self, event: dict[str, Any]) -> None:
        await self.send_json({"goodbye": event["why"]})
        await self.close(4401)


def close_connections(user: Any, why: str) -> None:
    """Close all connections of a user."""
    message = {"type": "login.ended", "why": why}
    async_to_sync(get_channel_layer().group_send)(f"user-{user.pk}", message)


def logged_out(user: Any, **kwargs: Any) -> None:
    """Receive ``user_logged_out``."""
    close_connections(user, "logged out")


def saved(instance: User, **kwargs: Any) -> None:
    """Receive ``post_save`` of users."""
    if not instance.is_active:
        close_connections(instance, "deactivated")


def deleted(instance: User, **kwargs: Any) -> None:
    """Receive ``post_delete`` of users."""
    close_connections(instance, "deleted")


# docs:end consumer

NEWS = {"type": "desk.news", "text": "We close at ten."}


@override_settings(ROOT_URLCONF="tests.docs.test_doc_revocation")
class DeskCase(WebsocketTestCase):
    application = AuthMiddlewareStack(URLRouter([path("desk/", Desk.as_asgi())]))
    ws_path = "/desk/"

    def setUp(self) -> None:
        user_logged_out.connect(logged_out)
        self.addCleanup(user_logged_out.disconnect, logged_out)
        for signal, receiver in ((post_save, saved), (post_delete, deleted)):
            signal.connect(receiver, User)
            self.addCleanup(signal.disconnect, receiver, User)
        self.ann = User.objects.create_user("ann")


# docs:start class
class DeskTests(DeskCase):
    check_revoked = "fail"

    def test_a_logout_closes_all_connections(self) -> None:
        self.client.force_login(self.ann)
        laptop, phone = self.connect(), self.connect(user=self.ann)
        self.client.post("/logout/")
        self.assertAllClosed(laptop, phone, code=4401)

    def test_a_deactivated_user_is_disconnected(self) -> None:
        ann = self.connect(user=self.ann)
        self.ann.is_active = False
        self.ann.save()
        self.assertAllClosed(user=self.ann)
        self.assertReceivesJson(ann, {"goodbye": "deactivated"})

    # docs:end class

    # docs:start any-test
    def test_a_deleted_user_gets_no_news(self) -> None:
        ann = self.connect(user=self.ann)
        self.ann.delete()
        Group("desk").send(NEWS)
        self.assertReceivesJson(ann, {"goodbye": "deleted"})

    # docs:end any-test

    # docs:start update
    def test_an_update_sends_no_signal(self) -> None:
        self.connect(user=self.ann)
        User.objects.filter(pk=self.ann.pk).update(is_active=False)
        with self.assertRaisesMessage(AssertionError, "user 'ann' was deactivated"):
            Group("desk").send(NEWS)

    # docs:end update
