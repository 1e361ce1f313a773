"""What failures of a live server say in full: docs/failures has the texts."""

from __future__ import annotations

from django.db import transaction

from channels_testkit import RollbackLiveServerTestCase
from channels_testkit.live.daphne import DaphneServer
from tests.app.models import Note
from tests.utils import OuterTestCase, assertFailureText, run_case

from .clients import fetch


class NoteTests(RollbackLiveServerTestCase):
    server_class = DaphneServer
    hang_timeout = 0.5

    def in_a_block(self):
        with transaction.atomic():
            Note.objects.create(text="hello")
            fetch(f"{self.live_server_url}/notes/")


class FailureTextTests(OuterTestCase):
    def test_a_block_of_the_test_that_waits_for_the_server(self):
        (error,) = run_case(NoteTests, "in_a_block").raised
        assertFailureText("live-block", error)
