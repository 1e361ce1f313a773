"""The failures that the reference shows, produced and compared whole."""

from __future__ import annotations

import uuid
from typing import Any
from unittest import mock

from django.contrib.auth.models import User
from django.test import override_settings

from channels_testkit import ChannelTestCase
from channels_testkit.contrib.djust import (
    LiveViewTestClient,
    MountRefused,
    SnapshotTestMixin,
)
from tests import scenarios
from tests.app.models import Note

from .test_client import Chat, Filter, Orders, Report, Save
from .test_drop_in import Board, Clerk, Divided, Plain, as_ann
from .views import Counter, Members, SignIn

scenario = scenarios.Scenarios("djust")


class ScenarioTestCase(SnapshotTestMixin, ChannelTestCase):
    """What the scenarios find."""

    def setUp(self) -> None:
        super().setUp()
        # Connections and streams have ids at random.
        self.enterContext(mock.patch("uuid.uuid4", return_value=uuid.UUID(int=700)))


def mounted(view: Any) -> LiveViewTestClient:
    return LiveViewTestClient(view).mount()


# The page.


@scenario
def sent_to_the_login(case: Any) -> None:
    mounted(Members)


@scenario
@override_settings(LIVEVIEW_ALLOWED_MODULES=["elsewhere"])
def not_allowed(case: Any) -> None:
    mounted(Counter)


@scenario
def no_live_view_at_the_path(case: Any) -> None:
    LiveViewTestClient("/plain/")


@scenario
def no_live_view(case: Any) -> None:
    LiveViewTestClient(Note)


@scenario
@override_settings(CHANNEL_LAYERS={})
def without_layers(case: Any) -> None:
    mounted(Counter)


@scenario
def before_mount(case: Any) -> None:
    LiveViewTestClient(Counter).assert_state(count=0)


@scenario
def not_mounted(case: Any) -> None:
    client = LiveViewTestClient(Members)
    with case.assertRaises(MountRefused):
        client.mount()
    client.send_event("increment")


@scenario
def no_html(case: Any) -> None:
    client = mounted(Counter)
    client.send_event("increment")
    client.consumer._recovery_html = None  # which djust has for each rendering
    client.render()


@scenario
def other_engine(case: Any) -> None:
    mounted(Counter).render(engine="django")


@scenario
@override_settings(LIVEVIEW_ALLOWED_MODULES=["elsewhere"])
def not_allowlisted(case: Any) -> None:
    LiveViewTestClient(Counter).assert_allowlisted()


@scenario
def user_after_mount(case: Any) -> None:
    client = mounted(Counter)
    client.user = User(username="ann")


@scenario
def user_replaced(case: Any) -> None:
    LiveViewTestClient(Members, user=Clerk(), application=as_ann()).mount()


@scenario
def without_a_socket(case: Any) -> None:
    client = LiveViewTestClient(Board).mount(via_websocket=False)
    client.send_event("toggle")


@scenario
def identifiers_differ(case: Any) -> None:
    LiveViewTestClient(Divided).assert_http_ws_djid_parity()


# Events.


@scenario
def state_differs(case: Any) -> None:
    client = mounted(Counter)
    client.send_event("increment")
    client.assert_state(count=2)


@scenario
def state_after_an_exception(case: Any) -> None:
    client = mounted(Counter)
    client.send_event("crash")
    client.assert_state(count=1)


@scenario
def event_failed(case: Any) -> None:
    client = mounted(Counter)
    client.send_event("crash")
    client.send_event("increment")


@scenario
def event_rejected(case: Any) -> None:
    mounted(Counter).send_event("not_a_handler")


@scenario
def no_handler(case: Any) -> None:
    mounted(Counter).send_event("incremnt")


@scenario
def no_push_event(case: Any) -> None:
    client = mounted(Save)
    client.send_event("save")
    client.assert_push_event("flash", {"type": "error"})


@scenario
def no_insertion(case: Any) -> None:
    client = mounted(Chat)
    client.send_event("post", text="hello")
    client.assert_stream_insert("messages", {"text": "hullo"})


@scenario
def no_stream(case: Any) -> None:
    client = mounted(Chat)
    client.send_event("post", text="hello")
    client.assert_stream_insert("mesages")


# Navigation.


@scenario
def no_patch(case: Any) -> None:
    client = mounted(Filter)
    client.send_event("filter")
    client.assert_patch("/items/", {"page": 3})


@scenario
def no_redirect(case: Any) -> None:
    client = mounted(Filter)
    client.send_event("filter")
    client.assert_redirect("/items/")


@scenario
def no_redirect_to_follow(case: Any) -> None:
    client = mounted(SignIn)
    client.send_event("submit", username="ann", password="wrong")
    client.follow_redirect()


@scenario
def two_redirects(case: Any) -> None:
    client = mounted(Plain)
    client.send_event("twice")
    client.follow_redirect()


@scenario
def redirect_to_no_live_view(case: Any) -> None:
    client = mounted(SignIn)
    client.send_event("elsewhere")
    client.follow_redirect()


@scenario
def gone_on(case: Any) -> None:
    User.objects.create_user("ann", password="secret")
    client = mounted(SignIn)
    client.send_event("submit", username="ann", password="secret")
    client.follow_redirect()
    client.send_event("submit")


# Background work, and notifications of the database.


@scenario
def no_work_under_way(case: Any) -> None:
    client = mounted(Report)
    client.send_event("chain")
    client.render_async()
    client.render_async()


@scenario
def not_listening(case: Any) -> None:
    mounted(Orders).trigger_info({"type": "db_notify", "channel": "order"})


@scenario
def no_notification(case: Any) -> None:
    mounted(Orders).trigger_info({"type": "orders.saved"})


# Snapshots.


@scenario
def no_snapshot(case: Any) -> None:
    case.assert_html_snapshot("counters", mounted(Counter).render())


@scenario
def snapshot_differs(case: Any) -> None:
    case.assert_html_snapshot("counter", mounted(Counter).render())


@scenario
def snapshot_outside_of_the_folder(case: Any) -> None:
    case.assert_snapshot("../counter", "0")


class FailureTextTests(scenarios.ScenariosTestCase):
    scenarios = scenario
    inner = ScenarioTestCase
