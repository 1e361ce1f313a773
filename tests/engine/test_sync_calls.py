"""Sync code that async code calls: what to type instead."""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync, sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import get_channel_layer
from django.contrib.auth.models import User
from django.core.exceptions import SynchronousOnlyOperation
from django.core.management import call_command
from django.http import HttpResponse
from django.test import override_settings
from django.urls import path

from channels_testkit import WebsocketTestCase
from channels_testkit.engine.notes import notes_of
from tests.utils import OuterTestCase, run_case


def count_users() -> int:
    return User.objects.count()


def sync_view(request: Any) -> HttpResponse:
    return HttpResponse(str(count_users()))


async def async_view(request: Any) -> HttpResponse:
    return HttpResponse("hello")


urlpatterns = [path("sync/", sync_view), path("async/", async_view)]


class CreatingConsumer(AsyncWebsocketConsumer):
    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        User.objects.create(username=text_data)


QUERYSET = (
    "A queryset asks the database when it is looped over, measured or indexed: write"
    " 'async for', or its methods with an a, such as 'await queryset.acount()'."
)
RELATED = (
    "This attribute asks the database for a related object: name it in"
    " select_related(), or write 'await sync_to_async(getattr)(...)'."
)


@override_settings(ROOT_URLCONF=__name__)
class AdviceTests(OuterTestCase):
    class Inner(WebsocketTestCase):
        application = CreatingConsumer.as_asgi()
        ws_path = "/"

        @classmethod
        def setUpTestData(cls) -> None:
            cls.ann = User.objects.create_user("ann")

        async def test_create(self) -> None:
            User.objects.create(username="ben")

        async def test_chain(self) -> None:
            User.objects.filter(pk=1).exclude(username="ben").delete()

        async def test_save(self) -> None:
            self.ann.save()

        async def test_atomic_delete(self) -> None:
            self.ann.delete()

        async def test_related_manager(self) -> None:
            self.ann.groups.add(1)

        async def test_over_lines(self) -> None:
            User.objects.filter(
                username="ann",
            ).first()

        async def test_loop(self) -> None:
            for _ in User.objects.all():
                pass

        async def test_comprehension(self) -> None:
            [user.pk for user in User.objects.all()]

        async def test_index(self) -> None:
            User.objects.all()[0]

        async def test_related_object(self) -> None:
            User.groups.through(user_id=self.ann.pk).user  # noqa: B018 - it asks

        async def test_without_a_twin(self) -> None:
            self.ann.validate_unique()

        async def test_function_of_the_project(self) -> None:
            count_users()

        async def test_command(self) -> None:
            call_command("flush", interactive=False)

        async def test_layer(self) -> None:
            async_to_sync(self.channel_layer.group_send)("room", {"type": "tell"})

        async def test_layer_by_function(self) -> None:
            async_to_sync(get_channel_layer().group_send)("room", {"type": "tell"})

        async def test_layer_by_name(self) -> None:
            send = async_to_sync(self.channel_layer.send)
            send("room", {"type": "tell"})

        async def test_request(self) -> None:
            self.client.post("/sync/")

        async def test_request_of_an_async_view(self) -> None:
            self.client.get("/async/")

        async def test_login(self) -> None:
            self.client.force_login(self.ann)

        async def test_own_error(self) -> None:
            raise RuntimeError("of the test")

        async def test_thread_has_the_rows(self) -> None:
            assert await sync_to_async(count_users)() == 1

        async def test_consumer(self) -> None:
            await (await self.aconnect()).send_to("ben")

    def raised_by(self, name: str) -> BaseException:
        (error,) = run_case(self.Inner, name).raised
        return error

    def test_the_note_has_the_call_as_it_has_to_be(self) -> None:
        for name, call in [
            ("create", "User.objects.acreate"),
            ("chain", 'User.objects.filter(pk=1).exclude(username="ben").adelete'),
            ("save", "self.ann.asave"),
            ("atomic_delete", "self.ann.adelete"),
            ("related_manager", "self.ann.groups.aadd"),
            ("over_lines", "afirst"),
            ("without_a_twin", "sync_to_async(self.ann.validate_unique)"),
            ("function_of_the_project", "sync_to_async(count_users)"),
            ("command", "sync_to_async(call_command)"),
            ("layer", "self.channel_layer.group_send"),
            ("layer_by_function", "get_channel_layer().group_send"),
            ("layer_by_name", "send"),
            ("request", "self.async_client.post"),
            ("request_of_an_async_view", "self.async_client.get"),
            ("login", "self.client.aforce_login"),
        ]:
            with self.subTest(name):
                (note,) = notes_of(self.raised_by(f"test_{name}"))
                self.assertEqual(note, f"In async code write 'await {call}(...)'.")

    def test_what_is_no_call_has_a_note_of_its_own(self) -> None:
        for name, expected in [
            ("loop", QUERYSET),
            ("comprehension", QUERYSET),
            ("index", QUERYSET),
            ("related_object", RELATED),
        ]:
            with self.subTest(name):
                self.assertEqual(notes_of(self.raised_by(f"test_{name}")), [expected])

    def test_the_exception_is_the_same(self) -> None:
        error = self.raised_by("test_create")
        self.assertIs(type(error), SynchronousOnlyOperation)
        self.assertTrue(str(error).startswith("You cannot call this from an async"))

    def test_other_errors_and_right_code_have_none(self) -> None:
        self.assertEqual(notes_of(self.raised_by("test_own_error")), [])
        self.assertEqual(run_case(self.Inner, "test_thread_has_the_rows").raised, [])

    def test_a_consumer_is_told_as_well(self) -> None:
        whose, advice = notes_of(self.raised_by("test_consumer"))
        self.assertTrue(whose.startswith("Raised by CreatingConsumer"))
        self.assertIn("write 'await User.objects.acreate(...)'", advice)
