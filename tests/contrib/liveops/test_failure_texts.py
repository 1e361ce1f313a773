"""The failures that the reference shows, produced and compared whole."""

from __future__ import annotations

import threading
import uuid
from typing import Any

from channels.layers import get_channel_layer
from django.contrib.auth.models import User
from liveops.progress import WebProgress

from channels_testkit.contrib.liveops import LiveOpClient, LiveOpsTestCase
from tests import scenarios

from .shop.models import Audit, Import

scenario = scenarios.Scenarios("liveops")


class ScenarioTestCase(LiveOpsTestCase):
    """What the scenarios find."""

    @classmethod
    def setUpTestData(cls) -> None:
        # Transcripts have the keys.
        cls.ann = User.objects.create_user("ann", pk=700)
        cls.ben = User.objects.create_user("ben", pk=701)
        cls.price_list = Import.objects.create(
            pk=uuid.UUID(int=700), owner=cls.ann, lines=["tea"]
        )
        cls.audit = Audit.objects.create(pk=uuid.UUID(int=701), owner=cls.ann)

    def progress(self) -> WebProgress:
        return WebProgress(self.price_list, get_channel_layer())


# Regions.


@scenario
def no_region(case: Any) -> None:
    case.watch(case.price_list).assert_region("op-stats")


@scenario
async def no_region_so_far(case: Any) -> None:
    ann = await case.awatch(case.price_list)
    done = threading.Event()
    worker = threading.Thread(target=done.wait, name="worker")
    worker.start()
    case.addCleanup(worker.join)
    case.addCleanup(done.set)
    ann.assert_region("op-log")


@scenario
def other_text(case: Any) -> None:
    ann = case.watch(case.price_list)
    case.progress().status("Saving")
    ann.assert_region("op-status", "Done")


@scenario
def text_of_before(case: Any) -> None:
    ann = case.watch(case.price_list)
    case.progress().status("Reading")
    case.progress().status("Saving")
    ann.assert_region("op-status", "Reading")


@scenario
def empty_region(case: Any) -> None:
    ann = case.watch(case.price_list)
    case.progress().swap("#note")
    ann.assert_region("note")


@scenario
def region_that_should_be_empty(case: Any) -> None:
    ann = case.watch(case.price_list)
    case.progress().status("Saving")
    ann.assert_region("op-status", empty=True)


# States.


@scenario
def empty_result(case: Any) -> None:
    ann = case.watch(case.audit)
    case.audit.enqueue()
    ann.assert_result()


@scenario
def other_outcome(case: Any) -> None:
    ann = case.watch(case.price_list)
    case.progress().error("dust")
    ann.assert_result()


@scenario
def other_snapshot(case: Any) -> None:
    case.watch(case.price_list).assert_snapshot("result")


@scenario
def no_snapshot(case: Any) -> None:
    ann = LiveOpClient(Import(owner=case.ann))
    ann.connect()
    ann.assert_snapshot("running")


@scenario
def snapshot_of_another_opening(case: Any) -> None:
    ann = LiveOpClient(case.price_list)
    ann.send_input({"type": "websocket.connect"})
    ann.assert_snapshot("running")


@scenario
def no_such_state(case: Any) -> None:
    case.watch(case.price_list).assert_snapshot("done")


# The end.


@scenario
def no_end(case: Any) -> None:
    case.watch(case.price_list).assert_finished("result")


@scenario
def other_end(case: Any) -> None:
    ann = case.watch(case.price_list)
    case.price_list.enqueue()
    ann.assert_finished("cancelled")


# Chains and lists.


@scenario
def no_chain(case: Any) -> None:
    case.watch(case.price_list).assert_chained_to(case.audit)


def chain(case: Any, operation: Any) -> Any:
    audit = Audit(pk=uuid.UUID(int=703), owner=case.ann, following=operation)
    audit.save()
    ann = case.watch(audit)
    audit.enqueue()
    return ann


@scenario
def other_chain(case: Any) -> None:
    chain(case, case.price_list).assert_chained_to(case.audit)


@scenario
def chain_to_what_belongs_to_another(case: Any) -> None:
    bens = Import.objects.create(pk=uuid.UUID(int=702), owner=case.ben)
    chain(case, bens).assert_chained_to(bens)


@scenario
def chain_without_a_container(case: Any) -> None:
    ann = case.watch(case.price_list)
    channel, token = case.audit.get_channel_name(), case.audit.subscription_token
    message = {"liveop_chain": {"channel": channel, "token": token}}
    case.progress()._push_message({"type": "chat_message", **message})
    ann.assert_chained_to(case.audit)


@scenario
def no_change_of_the_list(case: Any) -> None:
    case.watch_list(case.ann).assert_list_changed()


@scenario
def other_number_of_changes(case: Any) -> None:
    ann = case.watch_list(case.ann)
    case.price_list.enqueue()
    ann.assert_list_changed(1)


# Who is turned away.


@scenario
def token_not_accepted(case: Any) -> None:
    token = case.price_list.subscription_token
    case.watch(case.price_list, user=case.ben, token=token)


@scenario
def not_turned_away(case: Any) -> None:
    case.watch_list(case.ann).assert_denied()


@scenario
def shown_the_operation(case: Any) -> None:
    case.watch(case.price_list).assert_denied()


# Pushes.


@scenario
def no_push(case: Any) -> None:
    case.progress().status("Saving")
    case.assertPushed(case.price_list, "op-status", "Done")


@scenario
def push_before_the_commit(case: Any) -> None:
    case.price_list.enqueue()
    case.assertPushedAfterCommit(case.price_list, "op-status")


class FailureTextTests(scenarios.ScenariosTestCase):
    scenarios = scenario
    compares_events = False
    inner = ScenarioTestCase
