"""Round trips: an operation, a real Redis, the consumer, and who watches."""

from __future__ import annotations

from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.test import TransactionTestCase, override_settings

from channels_testkit.contrib.liveops import LiveOpsTestCase, LiveOpsTestMixin
from channels_testkit.redis import RedisTestMixin

from .shop.models import Audit, Import, Product


# docs:start liveops-redis
class RoundTripTests(RedisTestMixin, LiveOpsTestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ann = User.objects.create_user("ann")
        cls.price_list = Import.objects.create(owner=cls.ann, lines=["tea", "oil"])

    def test_a_push_comes_through_redis(self):
        ann = self.watch(self.price_list)
        self.price_list.enqueue()
        ann.assert_region("op-status", "Reading the list", ever=True)
        ann.assert_result("2 products")
        ann.assert_finished("result")
        # docs:end liveops-redis

    def test_a_late_watcher_sees_the_result(self):
        self.price_list.enqueue()
        region = self.watch(self.price_list).assert_snapshot("result")
        self.assertEqual(region.text, "2 products & prices")

    def test_an_early_watcher_sees_it_running(self):
        self.watch(self.price_list).assert_snapshot("running")

    def test_two_who_watch_see_the_same(self):
        ann, ben = self.watch(self.price_list), self.watch(self.price_list)
        self.price_list.enqueue()
        for watcher in (ann, ben):
            self.assertEqual(watcher.assert_result().text, "2 products & prices")

    def test_a_chain_is_followed(self):
        audit = Audit.objects.create(owner=self.ann, following=self.price_list)
        ann = self.watch(audit)
        audit.enqueue()
        ann.assert_region("findings", "none")

    async def test_what_is_pushed_comes_through_redis_async(self):
        ann = await self.awatch(self.price_list)
        await sync_to_async(self.price_list.enqueue)()
        await ann.areceive_until(lambda frame: "liveop_finished" in str(frame))
        ann.assert_result("2 products")


class PubSubTests(RoundTripTests):
    redis_backend = "pubsub"


@override_settings(LIVEOPS={"RUNNER": "threading"})
# docs:start liveops-worker
class WorkerTests(RedisTestMixin, LiveOpsTestMixin, TransactionTestCase):
    def test_a_worker_commits_before_it_pushes(self):
        price_list = Import.objects.create(
            owner=User.objects.create_user("ann"), lines=["tea", "oil"]
        )
        ann = self.watch(price_list)
        price_list.enqueue()
        ann.assert_result("2 products")
        self.assertEqual(Product.objects.count(), 2)
        # docs:end liveops-worker
