"""Arguments in the wrong order, and failures about large values."""

from __future__ import annotations

from typing import Any

from channels_testkit import ChannelTestCase
from channels_testkit.contrib.djust import LiveViewTestClient, SnapshotTestMixin
from tests.contrib.djust.test_client import Save

MOST = 20_000
LONG = "x" * 300_000


class MisuseTests(SnapshotTestMixin, ChannelTestCase):
    def setUp(self) -> None:
        self.client_of_view = LiveViewTestClient(Save).mount()
        self.client_of_view.send_event("save")

    def test_swapped_arguments_are_refused(self) -> None:
        for name, names in (
            ("assert_push_event", "event_name, params"),
            ("assert_patch", "path, params"),
            ("assert_redirect", "path, params"),
            ("assert_stream_insert", "stream_name, item"),
        ):
            with self.subTest(name), self.assertRaises(TypeError) as caught:
                getattr(self.client_of_view, name)({"page": 2}, "flash")
            self.assertEqual(
                str(caught.exception),
                f"{name}({names}): {{'page': 2}} is not a str. Write"
                f" client.{name}('flash', {{'page': 2}}).",
            )

    def test_failures_about_large_values_are_short(self) -> None:
        calls: list[Any] = [
            lambda: self.client_of_view.assert_push_event(LONG, {"a": LONG}),
            lambda: self.client_of_view.assert_patch(LONG, {"a": LONG}),
            lambda: self.client_of_view.assert_redirect(LONG),
            lambda: self.client_of_view.assert_stream_insert("s", {"a": LONG}),
            lambda: self.client_of_view.assert_state(saved=LONG),
            lambda: self.client_of_view.assert_frame({"a": LONG}),
            lambda: self.assert_snapshot("none", f"{LONG}\n" * 100),
        ]
        for number, call in enumerate(calls):
            with self.subTest(number), self.assertRaises(AssertionError) as caught:
                call()
            self.assertLess(len(str(caught.exception)), MOST)
