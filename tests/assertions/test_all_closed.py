"""``assertAllClosed()``: every connection, or every one of a user."""

from __future__ import annotations

import asyncio
from typing import Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.contrib.auth.models import AnonymousUser, User

from channels_testkit import Group, SimpleWebsocketTestCase, WebsocketTestCase
from tests.explored import not_explored


class Later(AsyncJsonWebsocketConsumer):
    """Closes a moment after it was told to."""

    groups = ("later",)

    async def later_close(self, event: dict[str, Any]) -> None:
        await asyncio.sleep(event["seconds"])
        await self.close(4401)


class UserTests(WebsocketTestCase):
    ws_path = "/ws/echo/"

    def setUp(self) -> None:
        self.ann, self.ben = map(User.objects.create_user, ("ann", "ben"))

    def close(self, *clients: Any, code: int = 4401) -> None:
        for client in clients:
            client.send_json({"close": code})

    def test_all_that_are_given(self) -> None:
        ann, ben = self.connect(user=self.ann), self.connect(user=self.ben)
        self.close(ann, ben)
        self.assertAllClosed(ann, ben)
        self.assertAllClosed(ann, ben, code=4401)
        self.assertAllClosed(ann)

    def test_all_of_a_user(self) -> None:
        one, other = self.connect_many(users=[self.ann, self.ann])
        ben = self.connect(user=self.ben)
        self.close(one, other)
        self.assertAllClosed(user=self.ann, code=4401)
        self.assertAllClosed(user=User.objects.get(username="ann"), code=4401)
        self.close(other_of_ben := self.connect(user=self.ben), ben)
        self.assertAllClosed(one, other_of_ben, user=self.ben)

    def test_a_user_who_is_logged_in_on_the_page(self) -> None:
        self.client.force_login(self.ann)
        ann = self.connect()
        with self.assertRaisesMessage(AssertionError, "the application has not closed"):
            self.assertAllClosed(user=self.ann)
        self.close(ann)
        self.assertAllClosed(user=self.ann)

    def test_a_user_who_was_deleted(self) -> None:
        self.client.force_login(self.ann)
        ann, other = self.connect(), self.connect(user=self.ann)
        self.close(ann, other)
        self.ann.delete()
        self.assertAllClosed(user=self.ann, code=4401)
        self.close(ann_again := self.connect(user=self.ben))
        with self.assertRaisesMessage(AssertionError, "User 'ann' has no connection"):
            ann.disconnect()
            other.disconnect()
            self.assertAllClosed(user=self.ann)
        self.assertAllClosed(ann_again)

    def test_what_the_test_has_left_does_not_count(self) -> None:
        one, other = self.connect_many(users=[self.ann, self.ann])
        one.disconnect()
        self.close(other)
        self.assertAllClosed(user=self.ann, code=4401)

    async def test_an_async_test(self) -> None:
        ann = await self.aconnect(user=self.ann)
        await ann.send_json({"close": 4401})
        self.assertAllClosed(ann, user=self.ann, code=4401)

    def test_whoever_is_open_is_told(self) -> None:
        one, other = self.connect_many(users=[self.ann, self.ann])
        self.close(one)
        with self.assertRaises(AssertionError) as caught:
            self.assertAllClosed(user=self.ann, msg="tabs")
        verdict = "ann (/ws/echo/) is open: the application has not closed it : tabs\n"
        self.assertEqual(str(caught.exception), f"{verdict}\n{other.transcript}")

    def test_nobody_is_there(self) -> None:
        ann = self.create_client(user=self.ann)
        self.connect(user=self.ben)
        with self.assertRaises(AssertionError) as caught:
            self.assertAllClosed(user=self.ann)
        text = (
            "User 'ann' has no connection that the application could have closed.\n"
            "Connections of the test: ben (/ws/echo/)."
        )
        self.assertEqual(str(caught.exception), text)
        with self.assertRaisesMessage(RuntimeError, "before connect()"):
            self.assertAllClosed(ann)

    def test_a_stranger_is_a_user_as_well(self) -> None:
        self.close(self.connect(user=AnonymousUser()))
        self.assertAllClosed(user=AnonymousUser())


class TimerTests(SimpleWebsocketTestCase):
    application = Later.as_asgi()
    ws_path = "/"

    def test_it_waits_for_timers(self) -> None:
        clients = self.connect_many(2)
        Group("later").send({"type": "later.close", "seconds": 0.01})
        self.assertAllClosed(*clients, code=4401)

    @not_explored
    def test_virtual_time(self) -> None:
        with self.virtual_time():
            clients = self.connect_many(2)
            Group("later").send({"type": "later.close", "seconds": 60})
            text = "write 'self.advance(59)'"
            with self.assertRaisesMessage(AssertionError, text):
                self.assertAllClosed(clients[0])
            self.advance(59)
            self.assertAllClosed(*clients, code=4401)


class MisuseTests(SimpleWebsocketTestCase):
    application = Later.as_asgi()
    ws_path = "/"

    def test_nothing_is_given(self) -> None:
        text = "assertAllClosed() takes connections, or user=."
        with self.assertRaisesMessage(TypeError, text):
            self.assertAllClosed(code=4401)

    def test_a_list_is_given(self) -> None:
        text = "connections one by one, not a list: put '*' before it."
        with self.assertRaisesMessage(TypeError, text):
            self.assertAllClosed(self.connect_many(2))  # type: ignore[arg-type]

    def test_others_are_given(self) -> None:
        text = "assertAllClosed(connection): 'ann' is not a client or communicator"
        with self.assertRaisesMessage(TypeError, text):
            self.assertAllClosed("ann")  # type: ignore[arg-type]
        text = "assertAllClosed(user='ann'): give a user."
        with self.assertRaisesMessage(TypeError, text):
            self.assertAllClosed(user="ann")
        with self.assertRaisesMessage(TypeError, "give a user."):
            self.assertAllClosed(user=User)
