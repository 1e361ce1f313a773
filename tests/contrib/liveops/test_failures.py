"""What failed assertions say."""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager

from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.contrib.auth.models import AnonymousUser, User
from django.test import override_settings
from liveops.progress import WebProgress

from channels_testkit import NoFrame
from channels_testkit.contrib.liveops import LiveOpClient, LiveOpsTestCase, Shows

from .shop.models import Audit, Import

ANN = "ann (/asgi/notifications/)"
EMPTY = f"""\
Region 'op-result' of {ANN} is empty.

liveops leaves it empty if rendering 'shop/audit_result.html' raises an exception. Now \
it raises TemplateDoesNotExist: shop/audit_result.html"""


class FailureTests(LiveOpsTestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ann, cls.ben = map(User.objects.create_user, ["ann", "ben"])
        cls.price_list = Import.objects.create(owner=cls.ann, lines=["tea"])
        cls.audit = Audit.objects.create(owner=cls.ann)

    @contextmanager
    def assertFails(self, text, kind=AssertionError):
        """Compare a failure up to its transcript, which it must have."""
        with self.assertRaises(kind) as caught:
            yield
        evidence, found, _ = str(caught.exception).partition("\n\nTranscript of ")
        self.assertEqual(evidence, text)
        self.assertTrue(found)

    def pushing(self, user=None):
        """Return a watcher of the price list, and what pushes to it."""
        watcher = self.watch(self.price_list, user=user)
        return watcher, WebProgress(self.price_list, get_channel_layer())

    # Results that are empty: liveops has swallowed why.

    def test_an_empty_result_fails(self):
        ann = self.watch(self.audit)
        self.audit.enqueue()
        with self.assertFails(EMPTY):
            ann.assert_result()
        with self.assertFails(EMPTY):
            ann.assert_region("op-result")
        with self.assertFails(EMPTY):
            self.watch(self.audit).assert_snapshot("result")

    async def test_an_empty_result_fails_async(self):
        ann = await self.awatch(self.audit)
        await sync_to_async(self.audit.enqueue)()
        with self.assertFails(EMPTY):
            ann.assert_result()
        late = await self.awatch(self.audit)
        with self.assertFails(EMPTY):
            late.assert_snapshot("result")

    def test_an_empty_region_fails(self):
        ann, progress = self.pushing()
        progress.swap("#note")
        with self.assertFails(f"Region 'note' of {ANN} is empty."):
            ann.assert_region("note")

    def test_an_empty_result_that_can_be_rendered_now_fails(self):
        ann, progress = self.pushing()
        progress.html("#op-result", " ")
        text = (
            f"Region 'op-result' of {ANN} is empty.\n\nliveops leaves it empty if"
            " rendering 'shop/import_result.html' raises an exception."
        )
        with self.assertFails(text):
            ann.assert_result()

    # Regions.

    def test_a_region_that_never_came_fails(self):
        ann, _ = self.pushing()
        text = (
            f"No region 'op-stats' from {ANN}: the application is at rest.\n\n"
            "Regions: 'op-status'.\nDid you mean 'op-status'?"
        )
        with self.assertFails(text, NoFrame):
            ann.assert_region("op-stats")
        text = f"No region 'op-result' from {ANN}: the application is at rest."
        with self.assertFails(f"{text}\n\nRegions: 'op-status'.", NoFrame):
            ann.assert_error()

    async def test_a_region_that_never_came_fails_async(self):
        ann = await self.awatch_list(self.ann)
        text = f"No region 'op-log' from {ANN}: the application is at rest."
        with self.assertFails(f"{text}\n\nRegions: none.", NoFrame):
            ann.assert_region("op-log")

    async def test_what_a_thread_may_still_push_can_be_awaited(self):
        ann = await self.awatch(self.price_list)
        go_on = threading.Event()

        def push():
            go_on.wait()
            WebProgress(self.price_list, get_channel_layer()).log("from afar")

        worker = threading.Thread(target=push, name="worker")
        worker.start()
        try:
            text = (
                f"No region 'op-log' from {ANN} so far; thread 'worker' may still cause"
                ' one.\n\nTo wait for it, write "await client.areceive_until('
                "{'liveop_html': Shows('op-log')}, partial=True)\"."
            )
            with self.assertFails(text, NoFrame):
                ann.assert_region("op-log")
        finally:
            go_on.set()
        await ann.areceive_until({"liveop_html": Shows("op-log")}, partial=True)
        ann.assert_region("op-log", "from afar")
        worker.join()

    async def test_what_else_can_be_awaited_is_told(self):
        ann = await self.awatch(self.price_list)
        go_on = threading.Event()
        worker = threading.Thread(target=go_on.wait, name="worker")
        worker.start()
        self.addCleanup(worker.join)
        self.addCleanup(go_on.set)
        call = "await client.areceive_until({{{}}}, partial=True)"
        for assertion, message in (
            (lambda: ann.assert_finished("result"), "'liveop_finished': dict"),
            (lambda: ann.assert_chained_to(self.audit), "'liveop_chain': dict"),
            (ann.assert_list_changed, "'liveop_list_changed': True"),
        ):
            with self.assertRaisesMessage(NoFrame, call.format(message)):
                assertion()

    def test_a_region_that_holds_something_else_fails(self):
        ann, progress = self.pushing()
        progress.status("Reading")
        progress.status("Saving")
        text = f"Region 'op-status' of {ANN} does not hold 'Done'."
        with self.assertFails(f"{text}\n\nIt shows: 'Saving'"):
            ann.assert_region("op-status", "Done")
        text = f"Region 'op-status' of {ANN} does not hold 'Reading'."
        hint = "It held that before: ever=True looks at everything that it has held."
        with self.assertFails(f"{text}\n\nIt shows: 'Saving'\n{hint}"):
            ann.assert_region("op-status", "Reading")
        text = f"Region 'op-status' of {ANN} does not hold a match of 'D.ne'."
        with self.assertFails(f"{text}\n\nIt shows: 'Saving'"):
            ann.assert_region("op-status", re.compile("D.ne"), ever=True)

    def test_a_region_that_should_be_empty_and_is_not_fails(self):
        ann, progress = self.pushing()
        progress.status("Saving")
        text = f"Region 'op-status' of {ANN} is not empty."
        with self.assertFails(f"{text}\n\nIt shows: 'Saving'"):
            ann.assert_region("op-status", empty=True)

    # States.

    def test_another_snapshot_fails(self):
        ann, _ = self.pushing()
        text = f"The snapshot of {ANN} shows a running operation, not a result."
        with self.assertFails(f"{text}\n\nIt shows: 'Operation in progress…'"):
            ann.assert_snapshot("result")

    def test_no_snapshot_fails(self):
        ann = LiveOpClient(Import(owner=self.ann))
        ann.connect()
        text = (
            f"No snapshot came with the handshake of {ANN}.\n\nliveops sends one to a"
            " client whose token is for an operation in the database."
        )
        with self.assertFails(text):
            ann.assert_snapshot("running")

    def test_no_snapshot_of_who_was_turned_away_fails(self):
        ann = LiveOpClient(self.price_list, token="garbage")
        ann.connect()
        with self.assertRaisesMessage(AssertionError, "No snapshot came"):
            ann.assert_snapshot("running")

    def test_another_outcome_fails(self):
        ann, progress = self.pushing()
        progress.error("dust")
        with self.assertFails(f"{ANN} shows an error, not a result.\n\n{DUST}"):
            ann.assert_result()
        with self.assertFails(f"{ANN} shows an error, not a cancellation.\n\n{DUST}"):
            ann.assert_cancelled()

    def test_a_result_where_an_error_is_expected_fails(self):
        ann, progress = self.pushing()
        progress.result({"total": 1})
        text = f"{ANN} shows a result, not an error."
        with self.assertFails(f"{text}\n\nIt shows: '1 products & prices'"):
            ann.assert_error()

    def test_a_state_that_liveops_does_not_have_is_refused(self):
        ann, _ = self.pushing()
        text = "A state is one of running, result, error, cancelled, not 'done'."
        with self.assertRaisesMessage(ValueError, text):
            ann.assert_snapshot("done")
        with self.assertRaisesMessage(ValueError, "not 'running'."):
            ann.assert_finished("running")

    def test_a_snapshot_before_connecting_is_refused(self):
        ann = LiveOpClient(self.price_list)
        text = "before connect(): open the connection first"
        with self.assertRaisesMessage(RuntimeError, text):
            ann.assert_snapshot("running")

    def test_a_snapshot_of_a_connection_that_was_opened_otherwise_is_refused(self):
        ann = LiveOpClient(self.price_list)
        ann.send_input({"type": "websocket.connect"})
        text = "assert_snapshot() looks at the snapshot that came with the handshake"
        with self.assertRaisesMessage(RuntimeError, text):
            ann.assert_snapshot("running")

    # The end.

    def test_another_end_fails(self):
        ann = self.watch(self.price_list)
        self.price_list.enqueue()
        url = self.price_list.get_absolute_url()
        ended = f"The operation of {ANN} ended with"
        with self.assertFails(f"{ended} state 'FINISHED_OK', not 'CANCELLED'."):
            ann.assert_finished("cancelled")
        with self.assertFails(f"{ended} url {url!r}, not '/'."):
            ann.assert_finished("result", url="/")
        with self.assertFails(f"{ended} success_url '/products/', not None."):
            ann.assert_finished("result", success_url=None)

    def test_no_word_of_the_end_fails(self):
        ann, _ = self.pushing()
        text = (
            f"No message about the operation's end from {ANN}: the application is at"
            " rest."
        )
        with self.assertFails(text, NoFrame):
            ann.assert_finished("result")

    # Chains and lists.

    def test_no_chain_fails(self):
        ann, _ = self.pushing()
        text = f"No chain from {ANN}: the application is at rest."
        with self.assertFails(text, NoFrame):
            ann.assert_chained_to(self.audit)

    def test_a_chain_to_another_fails(self):
        ann = self.chained_to(self.price_list)
        was, wanted = f"liveop.{self.price_list.pk}", f"liveop.{self.audit.pk}"
        with self.assertFails(f"{ANN} was chained to {was!r}, not {wanted!r}."):
            ann.assert_chained_to(self.audit)

    def test_a_chain_to_what_belongs_to_another_fails(self):
        bens = Import.objects.create(owner=self.ben)
        ann = self.chained_to(bens)
        was = f"{ANN} was chained to 'liveop.{bens.pk}'"
        with self.assertFails(f"{was} with a token that does not let ann in."):
            ann.assert_chained_to(bens)

    def test_a_chain_without_its_container_fails(self):
        ann, progress = self.pushing()
        chain = {"channel": self.audit.get_channel_name()}
        chain["token"] = self.audit.subscription_token
        progress._push_message({"type": "chat_message", "liveop_chain": chain})
        was = f"{ANN} was chained to 'liveop.{self.audit.pk}'"
        with self.assertFails(f"{was} without its container."):
            ann.assert_chained_to(self.audit)

    def chained_to(self, operation):
        audit = Audit.objects.create(owner=self.ann, following=operation)
        watcher = self.watch(audit)
        audit.enqueue()
        return watcher

    def test_another_number_of_changes_fails(self):
        ann = self.watch_list(self.ann)
        text = (
            f"No message about a change of the list from {ANN}: the application is at"
            " rest."
        )
        with self.assertFails(text, NoFrame):
            ann.assert_list_changed()
        self.price_list.enqueue()
        text = f"{ANN} was told 3 times that the list changed, not once."
        with self.assertFails(text):
            ann.assert_list_changed(1)

    # Who is turned away.

    def test_who_is_let_in_is_not_denied(self):
        ann = self.watch_list(self.ann)
        with self.assertFails(f"{ANN} was not denied the connection."):
            ann.assert_denied()

    def test_who_has_left_is_not_denied(self):
        ann = self.watch_list(self.ann)
        ann.disconnect()
        with self.assertFails(f"{ANN} was not denied the connection."):
            ann.assert_denied()

    def test_who_was_shown_something_is_not_denied(self):
        ann, _ = self.pushing()
        with self.assertFails(f"{ANN} was shown the operation."):
            ann.assert_denied()

    def test_watching_with_a_stolen_token_fails(self):
        text = (
            "ben (/asgi/notifications/) was accepted and then closed: liveops does not"
            " accept its subscription token.\n\nTo test the refusal itself, connect a"
            " LiveOpClient, and use assert_denied()."
        )
        with self.assertFails(text):
            self.watch(
                self.price_list,
                user=self.ben,
                token=self.price_list.subscription_token,
            )

    async def test_watching_with_a_stolen_token_fails_async(self):
        stolen = self.price_list.subscription_token
        with self.assertRaisesMessage(AssertionError, "and then closed"):
            await self.awatch(self.price_list, user=self.ben, token=stolen)

    def test_watching_as_a_stranger_fails(self):
        with self.assertRaisesMessage(AssertionError, "refused the handshake"):
            self.watch(self.price_list, user=AnonymousUser())

    # Pushes.

    def test_a_push_that_did_not_come_fails(self):
        WebProgress(self.price_list, get_channel_layer()).status("Saving")
        group = self.price_list.get_channel_name()
        with self.assertRaises(AssertionError) as caught:
            self.assertPushed(self.price_list, "op-status", "Done")
        self.assertIn(
            f"No message to group {group!r} matches; the nearest differs at"
            " 'liveop_html': expected a value for which Shows('op-status', 'Done') is"
            ' true, received \'<div id="op-status"',
            str(caught.exception),
        )

    # The wrong kind of call.

    async def test_sync_calls_in_an_async_test_are_refused(self):
        for call in (
            lambda: self.watch(self.price_list),
            lambda: self.watch_list(self.ann),
        ):
            with self.assertRaisesMessage(RuntimeError, "A sync call in an async test"):
                call()

    @override_settings(LIVEOPS={"RUNNER": "eager"})
    def test_what_is_pushed_early_is_listed(self):
        self.price_list.enqueue()
        with self.assertRaisesMessage(AssertionError, "Saving"):
            self.assertPushedAfterCommit(self.price_list, "op-status")


DUST = "It shows: 'dust'"
