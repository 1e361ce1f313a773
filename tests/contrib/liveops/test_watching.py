"""What who watches an operation sees, through the real consumer."""

from __future__ import annotations

import gc
import threading
import warnings
from typing import ClassVar
from unittest import mock

from asgiref.sync import sync_to_async
from channels.auth import AuthMiddlewareStack
from channels.layers import get_channel_layer
from channels.routing import URLRouter
from channels_broadcast.models import Notification
from django.contrib.auth.models import AnonymousUser, User
from django.template import TemplateDoesNotExist
from django.test import Client, TransactionTestCase, override_settings
from django.urls import path
from django.utils import timezone
from liveops.consumers import LiveOperationConsumer
from liveops.progress import WebProgress

from channels_testkit import DatabaseOwnershipError
from channels_testkit.contrib.liveops import (
    LiveOpClient,
    LiveOpsTestCase,
    LiveOpsTestMixin,
)

from .shop.models import Audit, Import, Product


class UsersTestCase(LiveOpsTestCase):
    ann: ClassVar[User]
    ben: ClassVar[User]

    @classmethod
    def setUpTestData(cls):
        cls.ann, cls.ben = map(User.objects.create_user, ["ann", "ben"])


def progress_of(operation):
    return WebProgress(operation, get_channel_layer())


def ended(operation, **state):
    """Put an operation into a final state, as a run some time ago did."""
    now = timezone.now()
    for name, value in {"started_on": now, "finished_on": now, **state}.items():
        setattr(operation, name, value)
    operation.save()
    return operation


# docs:start liveops-snapshot
class ImportSnapshotTests(LiveOpsTestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ann = User.objects.create_user("ann")
        cls.price_list = Import.objects.create(owner=cls.ann, lines=["tea", "oil"])

    def test_an_early_watcher_sees_it_running(self):
        ann = self.watch(self.price_list)
        ann.assert_snapshot("running")

    def test_a_late_watcher_sees_the_result(self):
        self.price_list.enqueue()
        ann = self.watch(self.price_list)
        region = ann.assert_snapshot("result")
        self.assertEqual(region.text, "2 products & prices")

    async def test_a_late_watcher_sees_the_result_async(self):
        await sync_to_async(self.price_list.enqueue)()
        ann = await self.awatch(self.price_list)
        ann.assert_snapshot("result")
        # docs:end liveops-snapshot


class SnapshotTests(UsersTestCase):
    def test_a_failed_operation_shows_its_error(self):
        failed = ended(Import(owner=self.ann), traceback="ValueError")
        self.watch(failed).assert_snapshot("error")

    async def test_a_failed_operation_shows_its_error_async(self):
        failed = await sync_to_async(ended)(Import(owner=self.ann), traceback="")
        (await self.awatch(failed)).assert_snapshot("error")

    def test_a_cancelled_operation_shows_that(self):
        cancelled = ended(Import(owner=self.ann), cancelled=True)
        region = self.watch(cancelled).assert_snapshot("cancelled")
        self.assertEqual(region.text, "Operation was cancelled.")

    async def test_a_cancelled_operation_shows_that_async(self):
        cancelled = await sync_to_async(ended)(Import(owner=self.ann), cancelled=True)
        (await self.awatch(cancelled)).assert_snapshot("cancelled")

    async def test_the_owner_need_not_have_been_fetched(self):
        made = await Import.objects.acreate(owner=self.ann)
        found = await Import.objects.aget(pk=made.pk)
        async with self.awatch(found) as ann:
            self.assertEqual(ann.scope["user"], self.ann)
            ann.assert_snapshot("running")

    def test_only_what_came_with_the_handshake_is_the_snapshot(self):
        price_list = Import.objects.create(owner=self.ann)
        ann = self.watch(price_list)
        price_list.enqueue()
        ann.assert_result()
        ann.assert_snapshot("running")

    def test_a_second_watcher_leaves_the_first_ones_page_as_it_was(self):
        price_list = Import.objects.create(owner=self.ann)
        first, second = self.watch(price_list), self.watch(price_list)
        # liveops sends each snapshot to everybody who watches.
        self.assertEqual(len(first.messages), 2)
        for client in (first, second):
            client.assert_snapshot("running")

    def test_a_new_connection_brings_a_new_snapshot(self):
        price_list = Import.objects.create(owner=self.ann, lines=["tea"])
        ann = self.watch(price_list)
        price_list.enqueue()
        ann.reconnect()
        ann.assert_snapshot("result")

    async def test_a_new_connection_brings_a_new_snapshot_async(self):
        price_list = await Import.objects.acreate(owner=self.ann, lines=["tea"])
        ann = await self.awatch(price_list)
        await sync_to_async(price_list.enqueue)()
        await ann.areconnect()
        ann.assert_snapshot("result")

    def test_it_is_in_the_language_of_the_operation(self):
        cancelled = ended(Import(owner=self.ann, language="pl"), cancelled=True)
        region = self.watch(cancelled).assert_snapshot("cancelled")
        self.assertEqual(region.text, "Operacja została anulowana.")

    def test_who_has_logged_in_by_the_test_client_can_watch(self):
        browser = Client()
        browser.force_login(self.ann)
        price_list = Import.objects.create(owner=self.ann)
        self.watch(price_list, client=browser).assert_snapshot("running")

    @override_settings(TEMPLATES=[])
    def test_what_the_consumer_swallows_fails_the_test(self):
        price_list = Import.objects.create(owner=self.ann)
        with self.assertRaisesMessage(TemplateDoesNotExist, "liveops/_status.html"):
            self.watch(price_list)

    @override_settings(TEMPLATES=[])
    async def test_what_the_consumer_swallows_fails_the_test_async(self):
        price_list = await Import.objects.acreate(owner=self.ann)
        with self.assertRaisesMessage(TemplateDoesNotExist, "liveops/_status.html"):
            await self.awatch(price_list)

    @override_settings(TEMPLATES=[])
    def test_what_the_consumer_swallows_can_be_expected(self):
        price_list = Import.objects.create(owner=self.ann)
        with self.assertApplicationRaises(TemplateDoesNotExist) as caught:
            clients = [self.watch(price_list), self.watch(price_list)]
        self.assertEqual(len(caught.exceptions), len(clients))


# docs:start liveops-progress
class ImportProgressTests(LiveOpsTestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ann = User.objects.create_user("ann")
        cls.price_list = Import.objects.create(owner=cls.ann, lines=["tea", "oil"])

    def test_the_page_follows_the_import(self):
        ann = self.watch(self.price_list)
        self.price_list.enqueue()
        ann.assert_region("op-status", "Reading the list", ever=True)
        ann.assert_region("op-log", contains="oil read")
        ann.assert_region("op-stages", contains="op-stage--done")
        percents = [region.text for region in ann.history("op-progress")]
        self.assertEqual(percents, ["0%", "50%", "100%", "0%"])
        ann.assert_result("2 products & prices")
        ann.assert_finished("result", success_url="/products/")

    async def test_the_page_follows_the_import_async(self):
        ann = await self.awatch(self.price_list)
        await sync_to_async(self.price_list.enqueue)()
        ann.assert_region("op-log", contains="oil read")
        ann.assert_result("2 products & prices")
        ann.assert_finished("result", success_url="/products/")
        # docs:end liveops-progress


class ProgressTests(UsersTestCase):
    def test_the_rows_of_the_run_are_in_the_tests_transaction(self):
        Import.objects.create(owner=self.ann, lines=["tea"]).enqueue()
        self.assertEqual([p.name for p in Product.objects.all()], ["tea"])

    def test_a_region_of_the_projects_own_is_swapped(self):
        audit = Audit.objects.create(owner=self.ann, complaint="dust")
        ann = self.watch(audit)
        audit.enqueue()
        ann.assert_region("note", "all is well")
        self.assertEqual(ann.assert_region("findings", "<em>").text, "none")

    def test_a_region_can_be_asserted_to_be_empty(self):
        audit = Audit.objects.create(owner=self.ann)
        ann = self.watch(audit)
        progress_of(audit).swap("#note")
        ann.assert_region("note", empty=True)

    def test_what_is_pushed_between_the_tests_lines_is_seen(self):
        price_list = Import.objects.create(owner=self.ann)
        ann = self.watch(price_list)
        progress = progress_of(price_list)
        progress.percent(40)
        ann.assert_region("op-progress", "40%")
        progress.percent(80)
        ann.assert_region("op-progress", "80%")

    async def test_what_is_pushed_between_the_tests_lines_is_seen_async(self):
        price_list = await Import.objects.acreate(owner=self.ann)
        ann = await self.awatch(price_list)
        progress = progress_of(price_list)
        await sync_to_async(progress.percent)(40)
        ann.assert_region("op-progress", "40%")

    def test_what_a_thread_pushes_is_seen(self):
        price_list = Import.objects.create(owner=self.ann)
        ann = self.watch(price_list)
        progress = progress_of(price_list)
        worker = threading.Thread(target=progress.status, args=["from afar"])
        worker.start()
        ann.assert_region("op-status", "from afar")
        worker.join()

    def test_who_watches_another_operation_sees_nothing_of_it(self):
        mine, other = (Import.objects.create(owner=self.ann) for _ in range(2))
        ann = self.watch(mine)
        progress_of(other).status("Not yours")
        self.assertEqual([r.id for r in ann.history("op-status")], ["op-status"])

    def test_it_is_a_client_of_the_kit(self):
        price_list = Import.objects.create(owner=self.ann)
        ann = self.watch(price_list)
        self.assertInGroup(ann, price_list.get_channel_name())
        self.assertReceivesJson(ann, {"liveop_html": str}, partial=True)
        ann.disconnect()
        self.assertGroupMembers(price_list.get_channel_name(), [])

    def test_a_notification_is_replayed_until_it_is_acknowledged(self):
        price_list = Import.objects.create(owner=self.ann)
        waiting = Notification.objects.create(
            channel_name=price_list.get_channel_name(), values={"text": "hello"}
        )
        ann = self.watch(price_list)
        self.assertReceivesJson(ann, {"text": "hello", "id": waiting.pk}, partial=True)
        ann.send_json({"type": "ack_message", "id": waiting.pk})
        waiting.refresh_from_db()
        self.assertTrue(waiting.acknowledged)


# docs:start liveops-outcomes
class ImportOutcomeTests(LiveOpsTestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ann = User.objects.create_user("ann")
        cls.price_list = Import.objects.create(owner=cls.ann, lines=["tea", "!"])

    def test_an_error_is_shown_without_its_details(self):
        ann = self.watch(self.price_list)
        self.price_list.enqueue()
        ann.assert_error("An error occurred")
        self.assertNotIn("<line>", ann.assert_error().text)
        ann.assert_finished("error", url=self.price_list.get_absolute_url())

    def test_the_cancel_button_cancels(self):
        ann = self.watch(self.price_list)
        self.client.force_login(self.ann)
        self.client.post(f"{self.price_list.get_absolute_url()}cancel/")
        self.price_list.enqueue()
        ann.assert_cancelled()
        ann.assert_finished("cancelled")
        # docs:end liveops-outcomes


class OutcomeTests(UsersTestCase):
    def test_an_error_that_the_operation_tells_is_shown_escaped(self):
        audit = Audit.objects.create(owner=self.ann, complaint="<b>dust</b>")
        ann = self.watch(audit)
        audit.enqueue()
        ann.assert_error("&lt;b&gt;dust")
        with self.assertRaisesMessage(AssertionError, "does not hold '<b>dust</b>'"):
            ann.assert_error("<b>dust</b>")

    async def test_an_error_is_shown_async(self):
        audit = await Audit.objects.acreate(owner=self.ann, complaint="dust")
        ann = await self.awatch(audit)
        await sync_to_async(audit.enqueue)()
        ann.assert_error("dust")
        ann.assert_finished("FINISHED_ERROR")

    async def test_a_cancellation_is_shown_async(self):
        price_list = await Import.objects.acreate(
            owner=self.ann, lines=["tea"], cancel_requested=True
        )
        ann = await self.awatch(price_list)
        await sync_to_async(price_list.enqueue)()
        ann.assert_cancelled()
        ann.assert_finished("CANCELLED")

    def test_word_of_the_end_is_returned(self):
        audit = Audit.objects.create(owner=self.ann, complaint="dust")
        ann = self.watch(audit)
        audit.enqueue()
        word = ann.assert_finished("error", success_url=None)
        self.assertEqual(word["pk"], str(audit.pk))

    def test_a_retry_shows_its_result(self):
        price_list = Import.objects.create(owner=self.ann, lines=["!"])
        ann = self.watch(price_list)
        price_list.enqueue()
        ann.assert_error()
        Import.objects.update(lines=["tea"])
        self.client.force_login(self.ann)
        self.client.post(f"{price_list.get_absolute_url()}restart/")
        ann.assert_result("1 products")
        ann.assert_finished("result")


# docs:start liveops-chain
class AuditChainTests(LiveOpsTestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ann = User.objects.create_user("ann")
        cls.price_list = Import.objects.create(owner=cls.ann, lines=["tea"])
        cls.audit = Audit.objects.create(owner=cls.ann, following=cls.price_list)

    def test_the_page_goes_on_with_the_import(self):
        ann = self.watch(self.audit)
        self.audit.enqueue()
        chain = ann.assert_chained_to(self.price_list)
        ann.disconnect()
        next_page = self.watch(self.price_list, token=chain["token"])
        next_page.assert_snapshot("result")
        # docs:end liveops-chain

    async def test_the_page_goes_on_with_the_import_async(self):
        ann = await self.awatch(self.audit)
        await sync_to_async(self.audit.enqueue)()
        chain = ann.assert_chained_to(self.price_list)
        await ann.adisconnect()
        next_page = await self.awatch(self.price_list, token=chain["token"])
        next_page.assert_snapshot("result")


# docs:start liveops-list
class OperationListTests(LiveOpsTestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ann, cls.ben = map(User.objects.create_user, ["ann", "ben"])
        cls.price_list = Import.objects.create(owner=cls.ann, lines=["tea"])

    def test_the_owners_list_gets_each_change(self):
        ann, ben = self.watch_list(self.ann), self.watch_list(self.ben)
        self.price_list.enqueue()
        ann.assert_list_changed(3)
        ben.assert_list_changed(0)
        # docs:end liveops-list

    async def test_the_owners_list_hears_of_each_change_async(self):
        ann = await self.awatch_list(self.ann)
        ben = await self.awatch_list(self.ben)
        await sync_to_async(self.price_list.enqueue)()
        self.assertEqual(ann.assert_list_changed(), 3)
        ben.assert_list_changed(0)

    def test_the_list_shows_no_operation(self):
        ann = self.watch_list(self.ann)
        self.price_list.enqueue()
        self.assertEqual(ann.regions, {})

    @override_settings(LIVEOPS={"LIST_LIVE": False})
    def test_a_project_can_do_without(self):
        ann = self.watch_list(self.ann)
        self.price_list.enqueue()
        ann.assert_list_changed(0)


# docs:start liveops-denied
class ImportTokenTests(LiveOpsTestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ann, cls.ben = map(User.objects.create_user, ["ann", "ben"])
        cls.price_list = Import.objects.create(owner=cls.ann)

    def test_a_stolen_token_lets_nobody_in(self):
        stolen = self.price_list.subscription_token
        ben = LiveOpClient(self.price_list, user=self.ben, token=stolen)
        ben.connect()
        self.assertEqual(ben.assert_denied(), "closed")

    def test_a_stranger_is_rejected(self):
        stranger = LiveOpClient(self.price_list, user=AnonymousUser())
        stranger.connect()
        self.assertEqual(stranger.assert_denied(), "rejected")
        # docs:end liveops-denied

    async def test_a_stolen_token_lets_nobody_in_async(self):
        stolen = self.price_list.subscription_token
        ben = LiveOpClient(self.price_list, user=self.ben, token=stolen)
        await ben.aconnect()
        self.assertEqual(ben.assert_denied(), "closed")

    async def test_a_stranger_is_turned_away_at_the_door_async(self):
        stranger = LiveOpClient(self.price_list, user=AnonymousUser())
        await stranger.aconnect()
        self.assertEqual(stranger.assert_denied(), "rejected")

    def test_a_token_for_another_operation_shows_that_one_only(self):
        other = Import.objects.create(owner=self.ann)
        ann = self.watch(self.price_list, token=other.subscription_token)
        self.assertNotInGroup(ann, self.price_list.get_channel_name())

    def test_garbage_lets_nobody_in(self):
        for token in ("garbage", ""):
            with self.subTest(token):
                ann = LiveOpClient(self.price_list, token=token)
                ann.connect()
                self.assertEqual(ann.assert_denied(), "closed")

    @override_settings(LIVEOPS={"TOKEN_TTL_SECONDS": -1})
    def test_a_token_that_has_expired_lets_nobody_in(self):
        ann = LiveOpClient(self.price_list)
        ann.connect()
        self.assertEqual(ann.assert_denied(), "closed")

    def test_who_was_given_a_token_may_watch(self):
        self.watch(self.price_list, user=self.ben).assert_snapshot("running")


def join_runners():
    """Wait for the threads that run operations, if they have not ended."""
    # liveops leaves the connections of its threads open.
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        for thread in threading.enumerate():
            if "task_run" in thread.name:
                thread.join()
        gc.collect()


@override_settings(LIVEOPS={"RUNNER": "threading"})
class ThreadingRunnerTests(UsersTestCase):
    def test_its_queries_are_refused(self):
        price_list = Import.objects.create(owner=self.ann, lines=["tea"])
        # The thread dies of it, and nobody needs to be told.
        self.enterContext(mock.patch("threading.excepthook"))
        with self.assertApplicationRaises(DatabaseOwnershipError):
            price_list.enqueue()
            join_runners()


@override_settings(LIVEOPS={"RUNNER": "threading"})
class ThreadingTransactionTests(LiveOpsTestMixin, TransactionTestCase):
    def test_an_operation_runs_in_a_thread_of_its_own(self):
        ann = User.objects.create_user("ann")
        price_list = Import.objects.create(owner=ann, lines=["tea"])
        watcher = self.watch(price_list)
        price_list.enqueue()
        watcher.assert_result("1 products")
        watcher.assert_finished("result")
        watcher.assert_list_changed(3)
        join_runners()


class OtherPathTests(UsersTestCase):
    application = AuthMiddlewareStack(
        URLRouter([path("ws/operations/", LiveOperationConsumer.as_asgi())])
    )
    ws_path = "/ws/operations/?page=2"

    def test_the_consumer_is_where_the_project_has_it(self):
        ann = self.watch(Import.objects.create(owner=self.ann))
        ann.assert_snapshot("running")
        self.assertTrue(ann.scope["query_string"].startswith(b"page=2&"))


class WaitingTests(UsersTestCase):
    def test_an_assertion_waits_for_a_thread(self):
        price_list = Import.objects.create(owner=self.ann)
        ann = self.watch(price_list)
        chain = {"channel": "liveop.1", "token": ""}
        message = {"type": "chat_message", "liveop_chain": chain}
        push = progress_of(price_list)._push_message
        later = threading.Timer(0.02, push, [message])
        later.start()
        with self.assertRaisesMessage(AssertionError, "was chained to 'liveop.1'"):
            ann.assert_chained_to(price_list)
        later.join()


class OtherFlavorTests(LiveOpsTestMixin, TransactionTestCase):
    def test_the_mixin_works_with_any_test_case(self):
        ann = User.objects.create_user("ann")
        price_list = Import.objects.create(owner=ann, lines=["tea"])
        watcher = self.watch(price_list)
        price_list.enqueue()
        watcher.assert_result("1 products")
