"""Rows of the table of differences: djust's own client, and ours."""

from __future__ import annotations

import datetime
from typing import Any

from django.template import TemplateDoesNotExist
from django.test import RequestFactory, override_settings
from djust import LiveView, testing
from djust.decorators import event_handler

from channels_testkit import ChannelTestCase
from channels_testkit.contrib.djust import LiveViewTestClient

from .test_drop_in import Broken
from .views import Counter

DAY = datetime.date(2026, 11, 27)


class Given(LiveView):
    template = "<div dj-root><p>{{ day }}</p></div>"

    def mount(self, request: Any, day: Any = None, **kwargs: Any) -> None:
        self.day = day
        self.team = request.META.get("HTTP_X_TEAM")

    @event_handler
    def move(self, day: Any = None, **kwargs: Any) -> None:
        self.day = day

    @event_handler
    def count(self, number: int, **kwargs: Any) -> None:
        self.day = number


class Fleeting(LiveView):
    template = "<div dj-root>{% for n in names %}<p>{{ n }}</p>{% endfor %}</div>"
    temporary_assigns = {"names": []}  # noqa: RUF012 - as djust has it

    def mount(self, request: Any, **kwargs: Any) -> None:
        self.names = ["ann"]


class Missing(LiveView):
    template_name = "nowhere.html"

    def mount(self, request: Any, **kwargs: Any) -> None:
        self.is_mounted = True


class DifferenceTests(ChannelTestCase):
    def test_parameters_cross_the_wire(self):
        theirs = testing.LiveViewTestClient(Given).mount(day=DAY)
        theirs.assert_state(day=DAY)
        ours = LiveViewTestClient(Given).mount(day=DAY)
        ours.assert_state(day="2026-11-27")
        ours.send_event("move", day=DAY)
        ours.assert_state(day="2026-11-27")
        with self.assertRaises(TypeError):
            ours.send_event("move", day=object())

    def test_page_is_rendered_when_it_is_mounted(self):
        theirs = testing.LiveViewTestClient(Missing).mount()
        theirs.assert_state(is_mounted=True)
        for call in (theirs.render, LiveViewTestClient(Missing).mount):
            with self.assertRaises(TemplateDoesNotExist):
                call()

    def test_page_is_rendered_after_an_event(self):
        theirs = testing.LiveViewTestClient(Broken).mount()
        self.assertTrue(theirs.send_event("spoil")["success"])
        with self.assertRaises(LookupError):
            theirs.render()
        ours = LiveViewTestClient(Broken).mount()
        result = ours.send_event("spoil")
        self.assertIsInstance(result.exception, LookupError)
        self.assertIn("whole", ours.render())

    def test_temporary_assigns_are_reset(self):
        testing.LiveViewTestClient(Fleeting).mount().assert_state(names=["ann"])
        client = LiveViewTestClient(Fleeting).mount()
        client.assert_state(names=[])
        self.assertIn("<p>ann</p>", client.render())

    def test_change_by_the_test_is_not_rendered_at_once(self):
        for kind in (testing.LiveViewTestClient, LiveViewTestClient):
            client = kind(Counter).mount()
            client.view_instance.count = 42
            is_shown = ">42</p>" in client.render()
            self.assertEqual(is_shown, kind is testing.LiveViewTestClient)

    def test_what_is_allowed(self):
        for allowed, passes in (
            ([], {"theirs", "ours"}),
            (["tests.contrib.dj"], {"theirs"}),
            (["tests.contrib.djust.views.Counter"], {"theirs"}),
        ):
            with override_settings(LIVEVIEW_ALLOWED_MODULES=allowed):
                self.assertEqual(self.allowing(Counter), passes, allowed)
        with override_settings(INSTALLED_APPS=["django.contrib.auth"]):
            self.assertEqual(self.allowing(Counter), {"theirs"})

    @staticmethod
    def allowing(view: Any) -> set[str]:
        found = set()
        for name, kind in (
            ("theirs", testing.LiveViewTestClient),
            ("ours", LiveViewTestClient),
        ):
            try:
                kind(view).assert_allowlisted()
            except AssertionError:
                continue
            found.add(name)
        return found

    def test_headers_are_those_of_the_handshake(self):
        factory = RequestFactory(HTTP_X_TEAM="blue")
        testing.LiveViewTestClient(Given, factory).mount().assert_state(team="blue")
        client = LiveViewTestClient(Given, factory).mount()
        client.assert_state(team=None)
        self.assertIn((b"x-team", b"blue"), client.communicator.scope["headers"])

    def test_history_has_every_event(self):
        for kind, names in (
            (testing.LiveViewTestClient, ["count"]),
            (LiveViewTestClient, ["cuont", "count", "count"]),
        ):
            client = kind(Given).mount()
            client.send_event("cuont", raise_on_missing=False)["error"]
            self.assertFalse(client.send_event("count", number="x")["success"])
            client.send_event("count", number="1")
            events = client.get_event_history()[1:]
            self.assertEqual([event["name"] for event in events], names)
            self.assertEqual(events[-1]["params"], {"number": "1"})
