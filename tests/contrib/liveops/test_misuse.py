"""Arguments in the wrong order, and failures about large values."""

from __future__ import annotations

from typing import Any

from channels.layers import get_channel_layer
from django.contrib.auth.models import User
from liveops.progress import WebProgress

from channels_testkit.contrib.liveops import LiveOpsTestCase

from .shop.models import Import

MOST = 20_000
LONG = "x" * 300_000


class MisuseTests(LiveOpsTestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        cls.ann = User.objects.create_user("ann")
        cls.price_list = Import.objects.create(owner=cls.ann, lines=["tea"])

    def test_swapped_arguments_are_refused(self) -> None:
        operation = self.price_list
        for name in ("assertPushed", "assertPushedAfterCommit"):
            with self.assertRaises(TypeError) as caught:
                getattr(self, name)("op-status", operation)
            self.assertEqual(
                str(caught.exception),
                f"{name}(operation, region): 'op-status' is not an operation of"
                f" liveops. Write self.{name}(operation, 'op-status').",
            )

    def test_failures_about_large_values_are_short(self) -> None:
        ann = self.watch(self.price_list)
        WebProgress(self.price_list, get_channel_layer()).status(LONG)
        calls: list[Any] = [
            lambda: self.assertPushed(self.price_list, "op-status", f"{LONG}y"),
            lambda: self.assertPushed(self.price_list, LONG),
            lambda: self.assertPushed(self.price_list, "op-status", LONG, count=9),
            lambda: ann.assert_region("op-status", f"{LONG}y"),
            lambda: ann.assert_region(LONG),
            lambda: ann.assert_result(LONG),
            lambda: ann.assert_error(LONG),
            lambda: ann.assert_finished("result", LONG),
            lambda: ann.assert_denied(),
        ]
        for number, call in enumerate(calls):
            with self.subTest(number), self.assertRaises(AssertionError) as caught:
                call()
            self.assertLess(len(str(caught.exception)), MOST)
