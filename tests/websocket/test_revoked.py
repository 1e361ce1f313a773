"""``check_revoked``: frames for whoever has lost the login."""

from __future__ import annotations

import asyncio
import contextlib
import io
import threading
from typing import TYPE_CHECKING, Any, ClassVar
from unittest import mock

from asgiref.sync import async_to_sync, sync_to_async
from channels.auth import AuthMiddlewareStack, logout
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.layers import get_channel_layer
from channels.routing import URLRouter
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.models import User
from django.contrib.auth.views import LogoutView
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models.signals import post_save
from django.http import HttpResponse
from django.test import modify_settings, override_settings
from django.urls import path

from channels_testkit import (
    Group,
    HangError,
    SimpleWebsocketTestCase,
    TransactionWebsocketTestCase,
    WebsocketTestCase,
    explore_schedules,
)
from tests.app.models import Account
from tests.utils import OuterTestCase, run_case

if TYPE_CHECKING:
    from collections.abc import Callable

EXECUTE = CursorWrapper.execute
ITEM = {"type": "feed.item", "text": "secret"}
LEAVE = {"type": "feed.leave"}


class Feed(AsyncJsonWebsocketConsumer):
    """What one says, everybody hears; it goes on whatever becomes of users."""

    groups = ("feed",)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        if content == "log out":
            await logout(self.scope)
        elif content == "flush":
            await sync_to_async(self.scope["session"].flush)()
        elif content == "answer":
            await self.send_json("answer")
        elif content == "close":
            await self.send_json("one")
            await self.send_json("two")
            await self.close(4401)
        else:
            await self.channel_layer.group_send("feed", ITEM)

    async def feed_item(self, event: dict[str, Any]) -> None:
        await self.send_json(event["text"])

    async def feed_leave(self, event: dict[str, Any]) -> None:
        await self.send_json("goodbye")
        await self.close(4401)


def change_password(request: Any) -> HttpResponse:
    user = request.user
    user.set_password("another")
    user.save()
    if request.GET:
        update_session_auth_hash(request, user)
    return HttpResponse()


urlpatterns = [
    path("logout/", LogoutView.as_view(next_page="/")),
    path("password/", change_password),
]
FEEDS = AuthMiddlewareStack(URLRouter([path("feed/", Feed.as_asgi())]))
HERE = override_settings(ROOT_URLCONF="tests.websocket.test_revoked")


class FeedMixin:
    """Ann and Ben listen to the feed."""

    application: Any = FEEDS
    ws_path = "/feed/"
    check_revoked: Any = "fail"
    check_leaks = "fail"

    def setUp(self: Any) -> None:
        self.ann, self.ben = map(User.objects.create_user, ("ann", "ben"))
        self.client.force_login(self.ann)


class FeedCase(FeedMixin, WebsocketTestCase):
    pass


def run_body(
    body: Callable[[Any], Any], base: type[Any] = FeedCase, **attributes: Any
) -> Any:
    """Run a test with this body."""

    def test(self: Any) -> None:
        body(self)

    async def atest(self: Any) -> None:
        await body(self)

    method = atest if asyncio.iscoroutinefunction(body) else test
    return run_case(HERE(type("Inner", (base,), {"test": method, **attributes})))


class RevokedTestCase(OuterTestCase):
    def assert_fine(self, body: Callable[[Any], Any], **options: Any) -> None:
        self.assertEqual(run_body(body, **options).texts, [])

    def assert_told(
        self, verdict: str, body: Callable[[Any], Any], **options: Any
    ) -> None:
        """Assert that a test fails, once and with this first line."""
        (text,) = run_body(body, **options).texts
        self.assertEqual(text.partition("\n")[0], f'{verdict}: "secret".')


class Robot(Account):
    """A user of the project's own, who is not known to Django."""

    is_authenticated = True
    is_active = True

    class Meta:
        app_label = "app"
        proxy = True


class BareBackend(BaseBackend):
    """Finds everybody, and says of nobody who may log in."""

    def get_user(self, user_id: Any) -> Any:
        return User.objects.filter(pk=user_id).first()


def _do_nothing(case: Any) -> None:
    """Make no users."""


class HowLoginsEndTests(RevokedTestCase):
    #: A connection that borrows its cookies is called by its path.
    ended = "/feed/ received a frame after the session of user 'ann' had ended"

    def test_a_logout_on_a_page(self) -> None:
        def body(case: Any) -> None:
            case.connect()
            case.client.post("/logout/")
            Group("feed").send(ITEM)

        self.assert_told(self.ended, body)

    def test_a_logout_of_the_test_client(self) -> None:
        def body(case: Any) -> None:
            case.connect()
            case.client.logout()
            Group("feed").send(ITEM)

        self.assert_told(self.ended, body)

    def test_a_session_that_is_flushed_or_deleted(self) -> None:
        def flush(case: Any) -> None:
            case.connect()
            case.client.session.flush()
            Group("feed").send(ITEM)

        def delete(case: Any) -> None:
            case.connect()
            Session.objects.all().delete()
            Group("feed").send(ITEM)

        for body in (flush, delete):
            with self.subTest(body.__name__):
                self.assert_told(self.ended, body)

    def test_a_logout_of_the_connection_itself(self) -> None:
        def body(case: Any) -> None:
            ann = case.connect(user=case.ann)
            ann.logout()
            ann.send_json("say")

        self.assert_told(f"ann ({self.ended.replace('/feed/', '/feed/)', 1)}", body)

    def test_a_user_who_is_deactivated_or_deleted(self) -> None:
        def save(case: Any) -> None:
            case.ann.is_active = False
            case.ann.save()

        def update(case: Any) -> None:
            User.objects.filter(username="ann").update(is_active=False)

        def delete(case: Any) -> None:
            case.ann.delete()

        def delete_all(case: Any) -> None:
            User.objects.all().delete()

        bodies = [(save, "deactivated"), (update, "deactivated")]
        bodies += [(delete, "deleted"), (delete_all, "deleted")]
        for end, how in bodies:

            def body(case: Any, end: Callable[[Any], None] = end) -> None:
                ben = case.connect(user=case.ben)
                case.connect(user=case.ann)
                end(case)
                ben.send_json("say")

            with self.subTest(end.__name__):
                result = run_body(body)
                verdict = f"ann (/feed/) received a frame after user 'ann' was {how}:"
                told = [text for text in result.texts if text.startswith(verdict)]
                self.assertEqual(len(told), 1, result.texts)

    def test_a_password_that_is_changed_elsewhere(self) -> None:
        def body(case: Any) -> None:
            case.connect(user=case.ann)
            case.client.get("/password/")
            Group("feed").send(ITEM)

        verdict = "ann (/feed/) received a frame after user 'ann' was given another"
        self.assert_told(f"{verdict} password", body)

    def test_a_password_that_is_changed_in_the_same_browser(self) -> None:
        def body(case: Any) -> None:
            case.connect()
            case.client.get("/password/?stay=1")
            Group("feed").send(ITEM)

        self.assert_fine(body)

    def test_a_bare_consumer_has_a_user_without_a_session(self) -> None:
        def body(case: Any) -> None:
            case.connect(user=case.ann, application=Feed.as_asgi())
            case.ann.delete()
            Group("feed").send(ITEM)

        self.assert_told(
            "ann (/feed/) received a frame after user 'ann' was deleted", body
        )

    def test_a_user_of_another_model(self) -> None:
        def body(case: Any) -> None:
            robot = Robot.objects.create(balance=7)
            case.connect(scope={"user": robot}, application=Feed.as_asgi())
            Group("feed").send(ITEM)
            Robot.objects.all().delete()
            Group("feed").send(ITEM)

        self.assert_told("/feed/ received a frame after user '7' was deleted", body)

    def test_a_project_without_users_of_django(self) -> None:
        def body(case: Any) -> None:
            robot = Robot.objects.create(balance=7)
            case.connect(scope={"user": robot}, application=Feed.as_asgi())
            with mock.patch.object(Robot, "is_active", new=False):
                Group("feed").send(ITEM)

        remove = {"remove": "django.contrib.auth"}
        verdict = "/feed/ received a frame after user '7' was deactivated"
        with modify_settings(INSTALLED_APPS=remove):
            self.assert_told(verdict, body, setUp=_do_nothing)

    def test_a_backend_that_does_not_say_who_may_log_in(self) -> None:
        def body(case: Any) -> None:
            case.connect(user=case.ann)
            User.objects.update(is_active=False)
            Group("feed").send(ITEM)

        backend = "tests.websocket.test_revoked.BareBackend"
        verdict = "ann (/feed/) received a frame after user 'ann' was deactivated"
        with override_settings(AUTHENTICATION_BACKENDS=[backend]):
            self.assert_told(verdict, body)

    def test_a_session_of_a_user_without_a_password(self) -> None:
        def body(case: Any) -> None:
            robot = Robot.objects.create(balance=7)
            session = SessionStore()
            session["_auth_user_id"] = str(robot.pk)
            session.save()
            scope = {"user": robot, "session": session}
            case.connect(scope=scope, application=Feed.as_asgi())
            Group("feed").send(ITEM)
            Session.objects.all().delete()
            Group("feed").send(ITEM)

        verdict = "/feed/ received a frame after the session of user '7' had ended"
        self.assert_told(verdict, body)

    def test_other_engines_of_sessions(self) -> None:
        def body(case: Any) -> None:
            case.addCleanup(cache.clear)
            case.connect()
            case.client.post("/logout/")
            Group("feed").send(ITEM)

        for name in ("cache", "cached_db", "file"):
            engine = f"django.contrib.sessions.backends.{name}"
            with self.subTest(name), override_settings(SESSION_ENGINE=engine):
                self.assert_told(self.ended, body)

    def test_a_session_in_a_cookie_cannot_be_ended(self) -> None:
        def leave(case: Any) -> None:
            case.connect(user=case.ann)
            case.client.post("/logout/")
            Group("feed").send(ITEM)

        def deactivate(case: Any) -> None:
            case.connect(user=case.ann)
            User.objects.update(is_active=False)
            Group("feed").send(ITEM)

        engine = "django.contrib.sessions.backends.signed_cookies"
        with override_settings(SESSION_ENGINE=engine):
            self.assert_fine(leave)
            verdict = "ann (/feed/) received a frame after user 'ann' was deactivated"
            self.assert_told(verdict, deactivate)

    def test_a_project_may_let_users_in_who_are_not_active(self) -> None:
        def body(case: Any) -> None:
            case.connect(user=case.ann)
            User.objects.update(is_active=False)
            Group("feed").send(ITEM)

        backend = "django.contrib.auth.backends.AllowAllUsersModelBackend"
        with override_settings(AUTHENTICATION_BACKENDS=[backend]):
            self.assert_fine(body)


class WhenItIsJudgedTests(RevokedTestCase):
    deactivated = "ann (/feed/) received a frame after user 'ann' was deactivated"

    def test_it_is_off_unless_asked_for(self) -> None:
        def body(case: Any) -> None:
            case.connect(user=case.ann)
            case.ann.delete()
            Group("feed").send(ITEM)

        self.assert_fine(body, check_revoked="off")

    def test_it_is_raised_at_the_line_that_brings_the_frame(self) -> None:
        def body(case: Any) -> None:
            ann, ben = case.connect(user=case.ann), case.connect(user=case.ben)
            User.objects.filter(username="ann").update(is_active=False)
            with case.assertRaisesMessage(AssertionError, self.deactivated):
                ben.send_json("say")
            # Once is enough.
            ben.send_json("say")
            case.assertEqual(len(ann.frames), 2)

        self.assert_fine(body)

    def test_a_goodbye_comes_with_the_close(self) -> None:
        def body(case: Any) -> None:
            ann = case.connect(user=case.ann)
            User.objects.update(is_active=False)
            Group("feed").send(LEAVE)
            case.assertReceivesJson(ann, "goodbye")
            case.assertAllClosed(ann, user=case.ann, code=4401)

        self.assert_fine(body)

    def test_a_goodbye_is_one_frame(self) -> None:
        def body(case: Any) -> None:
            ann = case.connect(user=case.ann)
            User.objects.update(is_active=False)
            ann.send_json("close")

        (text,) = run_body(body).texts
        self.assertIn(f'{self.deactivated}: "one".', text)

    def test_whoever_is_closed_in_time_is_fine(self) -> None:
        def close(instance: User, **kwargs: Any) -> None:
            send = async_to_sync(get_channel_layer().group_send)
            send("feed", ITEM)
            send("feed", ITEM)
            send("feed", LEAVE)

        def body(case: Any) -> None:
            ann = case.connect(user=case.ann)
            post_save.connect(close, User)
            case.addCleanup(post_save.disconnect, close, User)
            case.ann.is_active = False
            case.ann.save()
            case.assertClosed(ann, code=4401)
            case.assertEqual(len(ann.frames), 3)

        self.assert_fine(body)

    def test_what_the_code_of_the_test_sends(self) -> None:
        def news() -> None:
            async_to_sync(get_channel_layer().group_send)("feed", ITEM)

        def receive(case: Any) -> None:
            ann = case.connect(user=case.ann)
            User.objects.update(is_active=False)
            news()
            case.assertReceivesJson(ann, "secret")

        def settle(case: Any) -> None:
            case.connect(user=case.ann)
            User.objects.update(is_active=False)
            news()
            case.settle()

        def from_a_thread(case: Any) -> None:
            ann = case.connect(user=case.ann)
            User.objects.update(is_active=False)
            thread = threading.Thread(target=news)
            thread.start()
            thread.join()
            ann.receive_json()

        for body in (receive, settle, from_a_thread):
            with self.subTest(body.__name__):
                self.assert_told(self.deactivated, body)

    def test_a_last_broadcast_of_the_code_of_the_test(self) -> None:
        def body(case: Any) -> None:
            ann = case.connect(user=case.ann)
            for message in (ITEM, LEAVE):
                async_to_sync(get_channel_layer().group_send)("feed", message)
                User.objects.update(is_active=False)
            case.assertAllClosed(ann, code=4401)

        self.assert_fine(body)

    def test_frames_that_came_before_are_fine(self) -> None:
        def body(case: Any) -> None:
            case.connect(user=case.ann)
            Group("feed").send(ITEM)
            User.objects.update(is_active=False)
            case.settle()

        self.assert_fine(body)

    def test_whoever_leaves_gets_nothing(self) -> None:
        def body(case: Any) -> None:
            ann = case.connect(user=case.ann)
            User.objects.update(is_active=False)
            ann.disconnect()
            Group("feed").send(ITEM)

        self.assert_fine(body)

    def test_a_login_that_comes_back(self) -> None:
        def body(case: Any) -> None:
            case.connect(user=case.ann)
            User.objects.update(is_active=False)
            case.settle()
            User.objects.update(is_active=True)
            Group("feed").send(ITEM)

        self.assert_fine(body)

    def test_what_is_rolled_back(self) -> None:
        def body(case: Any) -> None:
            case.connect(user=case.ann)
            with transaction.atomic():
                User.objects.all().delete()
                transaction.set_rollback(True)
            Group("feed").send(ITEM)

        self.assert_fine(body)

    def test_the_application_that_logs_out_knows(self) -> None:
        def body(case: Any) -> None:
            ann = case.connect(user=case.ann)
            ann.send_json("log out")
            ann.send_json("answer")

        self.assert_fine(body)

    def test_the_application_that_only_flushes_the_session(self) -> None:
        def body(case: Any) -> None:
            ann = case.connect(user=case.ann)
            ann.send_json("flush")
            ann.send_json("say")

        verdict = "ann (/feed/) received a frame after the session of user 'ann' had"
        self.assert_told(f"{verdict} ended", body)

    def test_strangers_have_nothing_to_lose(self) -> None:
        def body(case: Any) -> None:
            case.client.logout()
            case.connect()
            Session.objects.all().delete()
            Group("feed").send(ITEM)

        self.assert_fine(body)

    def test_what_comes_at_the_end_is_not_judged(self) -> None:
        class Polite(Feed):
            async def disconnect(self, code: int) -> None:
                await self.channel_layer.group_send("feed", ITEM)

        def body(case: Any) -> None:
            polite = AuthMiddlewareStack(Polite.as_asgi())
            case.connect(user=case.ann, application=polite)
            case.connect(user=case.ben, application=polite)
            User.objects.filter(username="ann").update(is_active=False)
            case.settle()

        self.assert_fine(body)

    def test_an_async_test(self) -> None:
        async def body(case: Any) -> None:
            await case.aconnect(user=case.ann)
            ben = await case.aconnect(user=case.ben)
            await User.objects.filter(username="ann").aupdate(is_active=False)
            await ben.send_json("say")

        self.assert_told(self.deactivated, body)

    def test_an_async_test_that_sends_on_the_layer(self) -> None:
        async def body(case: Any) -> None:
            await case.aconnect(user=case.ann)
            await User.objects.filter(username="ann").aupdate(is_active=False)
            await get_channel_layer().group_send("feed", ITEM)

        self.assert_told(self.deactivated, body)

    def test_an_async_test_whose_client_logs_out(self) -> None:
        async def body(case: Any) -> None:
            await case.async_client.aforce_login(case.ann)
            case.client.cookies.clear()
            await case.aconnect()
            await case.async_client.post("/logout/")
            await get_channel_layer().group_send("feed", ITEM)

        self.assert_told(HowLoginsEndTests.ended, body)

    def test_a_transaction_test(self) -> None:
        class Inner(FeedMixin, TransactionWebsocketTestCase):
            pass

        def body(case: Any) -> None:
            case.connect(user=case.ann)
            case.ann.is_active = False
            case.ann.save()
            Group("feed").send(ITEM)

        self.assert_told(self.deactivated, body, base=Inner)

    def test_a_test_without_a_database(self) -> None:
        class Inner(SimpleWebsocketTestCase):
            application = Feed.as_asgi()
            check_revoked = "fail"

        def body(case: Any) -> None:
            ann = case.connect("/", scope={"user": User(username="ann", pk=1)})
            ann.send_json("say")
            case.assertReceivesJson(ann, "secret")

        self.assert_fine(body, base=Inner)

    def test_a_warning(self) -> None:
        def body(case: Any) -> None:
            ann = case.connect(user=case.ann)
            User.objects.update(is_active=False)
            with case.assertWarnsRegex(Warning, "after user 'ann' was deactivated"):
                ann.send_json("say")

        self.assert_fine(body, check_revoked="warn")

    def test_a_broken_transaction_is_left_to_the_test(self) -> None:
        def body(case: Any) -> None:
            ann = case.connect(user=case.ann)
            connection.needs_rollback = True
            ann.send_json("say")
            connection.needs_rollback = False

        self.assert_fine(body)

    def test_queries_are_not_seen(self) -> None:
        def refuse(*args: Any) -> None:
            raise AssertionError("A query.")

        def body(case: Any) -> None:
            ann = case.connect(user=case.ann)
            with case.assertNumQueries(0), connection.execute_wrapper(refuse):
                ann.send_json("say")
            User.objects.update(is_active=False)
            with case.assertRaisesMessage(AssertionError, self.deactivated):
                ann.send_json("say")

        self.assert_fine(body)

    def test_many_connections_take_two_queries(self) -> None:
        def body(case: Any) -> None:
            clients = [case.connect(user=case.ann) for _ in range(5)]
            # What Django has to count queries does not see these.
            with mock.patch.object(CursorWrapper, "execute", autospec=True) as execute:
                execute.side_effect = EXECUTE
                clients[0].send_json("say")
                case.assertEqual(execute.call_count, 2)
                for client in clients:
                    client.receive_json()
                case.assertEqual(execute.call_count, 2)

        self.assert_fine(body)

    def test_an_application_that_hangs_before_a_call(self) -> None:
        class Stuck(Feed):
            async def feed_item(self, event: dict[str, Any]) -> None:
                while True:  # noqa: ASYNC110 - it is what the test is about
                    await asyncio.sleep(0)

        def body(case: Any) -> None:
            ann = case.connect(application=Stuck.as_asgi())
            async_to_sync(get_channel_layer().group_send)("feed", ITEM)
            ann.send_json("answer")

        with contextlib.redirect_stderr(io.StringIO()):
            (error,) = run_body(body, hang_timeout=0.1).raised
        self.assertIsInstance(error, HangError)

    def test_sends_that_overlap(self) -> None:
        class Inner(FeedCase):
            @explore_schedules(5, sends_overlap=True)
            def test(self) -> None:
                ann, ben = self.connect(user=self.ann), self.connect(user=self.ben)
                ann.send_json("answer")
                ben.send_json("answer")
                self.settle()
                User.objects.filter(username="ann").update(is_active=False)
                with self.assertRaises(AssertionError):
                    ben.send_json("say")
                    self.settle()

        self.assertEqual(run_case(Inner).texts, [])

    def test_explored_schedules(self) -> None:
        class Inner(FeedCase):
            seen: ClassVar[list[int]] = []

            @explore_schedules(5)
            def test(self) -> None:
                ben = self.connect(user=self.ben)
                self.connect(user=self.ann)
                self.seen.append(1)
                User.objects.filter(username="ann").update(is_active=False)
                with self.assertRaises(AssertionError):
                    ben.send_json("say")

        self.assertEqual(run_case(Inner).texts, [])
        self.assertGreaterEqual(len(Inner.seen), 5)
