"""What is pushed, whether anybody watches or not, and when."""

from __future__ import annotations

import re

from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.contrib.auth.models import User
from django.db import transaction
from django.test import TransactionTestCase
from liveops.progress import WebProgress
from liveops.testing import MockProgress, OperationCancelled

from channels_testkit.contrib.liveops import LiveOpsTestCase, LiveOpsTestMixin

from .shop.models import Audit, Import, Product


# docs:start liveops-pushes
class StatusPushTests(LiveOpsTestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ann = User.objects.create_user("ann")
        cls.price_list = Import.objects.create(owner=cls.ann, lines=["tea"])

    def test_a_status_is_pushed(self):
        WebProgress(self.price_list, get_channel_layer()).status("Testing")
        self.assertPushed(self.price_list, "op-status", "Testing")

    async def test_a_status_is_pushed_async(self):
        progress = WebProgress(self.price_list, get_channel_layer())
        await sync_to_async(progress.status)("Testing")
        self.assertPushed(self.price_list, "op-status", "Testing")
        # docs:end liveops-pushes

    def test_pushes_can_be_counted(self):
        progress = WebProgress(self.price_list, get_channel_layer())
        for percent in (10, 20):
            progress.percent(percent)
        sent = self.assertPushed(self.price_list, "op-progress", count=2)
        self.assertEqual([entry.receivers for entry in sent], [(), ()])
        self.assertPushed(self.price_list, "op-progress", re.compile(r"2\d%"), count=1)

    def test_what_is_empty_was_not_pushed(self):
        progress = WebProgress(self.price_list, get_channel_layer())
        progress.swap("#note")
        with self.assertRaises(AssertionError):
            self.assertPushed(self.price_list, "note")

    def test_what_is_pushed_to_another_does_not_count(self):
        other = Import.objects.create(owner=self.ann)
        WebProgress(other, get_channel_layer()).status("Testing")
        with self.assertRaises(AssertionError):
            self.assertPushed(self.price_list, "op-status", "Testing")

    def test_what_redis_would_refuse_raises(self):
        progress = WebProgress(self.price_list, get_channel_layer())
        with self.assertRaisesMessage(TypeError, "message['liveop_html']"):
            progress._push(object())


# docs:start liveops-commit
class CommitTests(LiveOpsTestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ann = User.objects.create_user("ann")
        cls.price_list = Import.objects.create(owner=cls.ann, lines=["tea"])

    def test_the_result_is_committed_before_it_is_pushed(self):
        ann = self.watch(self.price_list)
        self.price_list.enqueue()
        ann.assert_result()
        self.assertPushedAfterCommit(self.price_list, "op-result")

    async def test_the_result_is_committed_before_it_is_pushed_async(self):
        await sync_to_async(self.price_list.enqueue)()
        self.assertPushedAfterCommit(self.price_list, "op-result")
        # docs:end liveops-commit

    def test_a_push_before_the_commit_is_noticed(self):
        with transaction.atomic():
            WebProgress(self.price_list, get_channel_layer()).html("#op-result", "done")
        self.assertPushed(self.price_list, "op-result", "done")
        with self.assertRaisesMessage(AssertionError, "inside an atomic block"):
            self.assertPushedAfterCommit(self.price_list, "op-result")

    async def test_a_push_before_the_commit_is_noticed_async(self):
        def push_early():
            progress = WebProgress(self.price_list, get_channel_layer())
            with transaction.atomic():
                progress.html("#op-result", "done")

        await sync_to_async(push_early)()
        with self.assertRaisesMessage(AssertionError, "inside an atomic block"):
            self.assertPushedAfterCommit(self.price_list)

    def test_nothing_is_pushed_until_the_block_ends(self):
        ann = self.watch(self.price_list)
        progress = WebProgress(self.price_list, get_channel_layer())
        with transaction.atomic():
            progress.result({"total": 1})
            self.assertNotIn("op-result", ann.regions)
        ann.assert_result("1 products")

    def test_a_result_that_is_rolled_back_is_not_pushed(self):
        ann = self.watch(self.price_list)
        progress = WebProgress(self.price_list, get_channel_layer())
        with self.assertRaises(ZeroDivisionError), transaction.atomic():
            progress.result({"total": 1})
            raise ZeroDivisionError
        self.assertNotIn("op-result", ann.regions)
        self.assertIsNone(Import.objects.get().finished_on)


ORDER = [
    *["list", "list", "op-status", "op-stages", "op-progress", "op-log"],
    *["op-progress", "op-stages", "op-stages", "op-progress", "op-status"],
    *["op-result", "op-stages", "finished", "list"],
]


def order_of_a_run(case):
    ann = User.objects.create_user("ann")
    price_list = Import.objects.create(owner=ann, lines=["tea"])
    watcher = case.watch(price_list)
    before = len(watcher.messages)
    price_list.enqueue()
    return [name_of(message) for message in watcher.messages[before:]]


def name_of(message):
    if "liveop_html" in message:
        return re.search(r"op-\w+", message["liveop_html"]).group()
    return "list" if "liveop_list_changed" in message else "finished"


class OrderTests(LiveOpsTestCase):
    def test_a_run_pushes_in_the_order_of_production(self):
        self.assertEqual(order_of_a_run(self), ORDER)


class ProductionOrderTests(LiveOpsTestMixin, TransactionTestCase):
    """The order in which real transactions push."""

    def test_a_run_pushes_in_this_order(self):
        self.assertEqual(order_of_a_run(self), ORDER)


# docs:start liveops-mock
class ImportRunTests(LiveOpsTestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ann = User.objects.create_user("ann")

    def test_the_report_of_a_run(self):
        price_list = Import.objects.create(owner=self.ann, lines=["tea", "oil"])
        progress = MockProgress(price_list)
        price_list.run(progress)
        self.assertEqual(progress.logs, ["tea read", "oil read"])
        self.assertEqual(progress.percents, [50, 100])
        self.assertEqual(progress.result_context, {"total": 2})
        self.assertEqual(Product.objects.count(), 2)
        self.assertNothingGroupSent()
        # docs:end liveops-mock

    def test_a_cancelled_run_stops(self):
        price_list = Import.objects.create(owner=self.ann, lines=["tea", "oil", "gin"])
        progress = MockProgress(price_list, cancel_after=2)
        with self.assertRaises(OperationCancelled):
            price_list.run(progress)
        self.assertEqual(progress.percents, [33, 66])
        self.assertEqual(progress.stages_entered, ["Read"])

    def test_swaps_and_chains_are_recorded(self):
        price_list = Import.objects.create(owner=self.ann)
        audit = Audit.objects.create(owner=self.ann, following=price_list)
        progress = MockProgress(audit)
        audit.run(progress)
        self.assertEqual(progress.htmls, [("#findings", "<em>none</em>", "innerHTML")])
        self.assertEqual(progress.swaps, [("#note", "note", {"text": "all is well"})])
        self.assertEqual(progress.chained, [price_list])

    def test_an_operation_that_is_not_saved_can_be_run(self):
        audit = Audit(owner=self.ann, complaint="dust")
        progress = MockProgress(audit)
        audit.run(progress)
        self.assertEqual(progress.error_message, "dust")
        self.assertFalse(Audit.objects.exists())
