"""The page of a timeline: what is in its file."""

from __future__ import annotations

import json
import re
from typing import Any

from channels_testkit import Channel, Group, SimpleWebsocketTestCase, apply_routes
from channels_testkit.timeline.page import page_of
from channels_testkit.timeline.recording import Recording
from channels_testkit.timeline.story import Story, in_full

from .test_timeline import Desk, DeskTestCase, Maker


def data_of(page: str) -> Any:
    """Return what the script of a page is given."""
    (found,) = re.findall(r'<script type="application/json" .*?>(.*?)</script>', page)
    return json.loads(found)


class PageTests(DeskTestCase):
    def data(self) -> Any:
        return data_of(page_of(Story(self._kit.recording), "a test"))

    def test_clients_stand_beside_their_consumers_and_the_database_last(self) -> None:
        ann = self.connect(name="ann")
        self.connect(name="ben")
        ann.send_json("note")
        with apply_routes({"jobs": Maker.as_asgi()}), self.run_worker():
            ann.send_json("order")
        self.client.get("/nowhere/")
        lanes = [(lane["kind"], lane["name"]) for lane in self.data()["lanes"]]
        self.assertEqual(
            lanes,
            [
                ("test", "the test"),
                *(("client", "ann"), ("consumer", "Desk of ann")),
                *(("client", "ben"), ("consumer", "Desk of ben")),
                *(("layer", "group 'desks'"), ("layer", "channel 'jobs'")),
                ("worker", "worker 'jobs'"),
                ("views", "the views"),
                ("database", "database 'default'"),
            ],
        )

    def test_events_have_lanes_and_all_that_was_said(self) -> None:
        self.connect(name="ann").send_json("note")
        data = self.data()
        event = data["events"][-1]
        lanes = [data["lanes"][event[end]]["name"] for end in ("from", "to")]
        self.assertEqual(lanes, ["Desk of ann", "database 'default'"])
        self.assertEqual((event["number"], data["count"]), (5, 5))
        self.assertIn('INSERT INTO "app_note"', event["detail"].replace("`", '"'))
        self.assertIn("'one'", event["detail"])

    def test_many_groups_share_a_lane(self) -> None:
        for number in range(20):
            Group(f"group-{number}").send({"type": "x"})
        data = self.data()
        self.assertEqual(data["lanes"][-1]["name"], "other groups and channels")
        self.assertEqual(len(data["lanes"]), 1 + 12 + 1)
        self.assertEqual({event["to"] for event in data["events"]}, set(range(1, 14)))

    def test_no_sign_ends_the_element(self) -> None:
        Channel("jobs").send({"type": "x", "text": "</script><!-- & \u2028"})
        page = page_of(Story(self._kit.recording), "</title><b>")
        self.assertEqual(page.count("</script>"), 2)
        self.assertNotIn("</title><b>", page)
        self.assertNotIn("\u2028", page)
        self.assertIn("</script><!-- & \u2028", data_of(page)["events"][0]["detail"])


class DetailTests(SimpleWebsocketTestCase):
    application = Desk.as_asgi()

    def test_values_are_json_where_they_can_be(self) -> None:
        self.assertEqual(in_full({"a": b"b"}), '{\n  "a": "b\'b\'"\n}')
        self.assertEqual(in_full({b"a": 1}), "{b'a': 1}")
        self.assertEqual(in_full("x" * 10), "x" * 10)
        for long in ("x" * 10_000, ["x"] * 10_000):
            self.assertLessEqual(len(in_full(long)), 4_000)

    def test_an_empty_timeline_has_a_page(self) -> None:
        data = data_of(page_of(Story(Recording()), "a test"))
        self.assertEqual((data["lanes"], data["events"]), ([], []))
