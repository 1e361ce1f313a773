"""What liveops promises nobody, and the module stands on."""

from __future__ import annotations

import logging
import unittest

from django.contrib.auth.models import User
from django.template.loader import render_to_string
from django.test import SimpleTestCase
from liveops import consumers

from channels_testkit.contrib.liveops import (
    LiveOpClient,
    LiveOpsTestCase,
    LiveOpsTestMixin,
)
from channels_testkit.contrib.liveops.fragments import parse
from tests.utils import run_case

from .shop.models import Import


class ListeningTests(unittest.TestCase):
    def test_it_begins_with_a_client_and_ends_with_the_test(self):
        during = []

        class InnerTests(LiveOpsTestMixin, SimpleTestCase):
            def test_two_clients_listen_once(self):
                for _ in range(2):
                    LiveOpClient(None, user=User(username="ann"))
                during.extend(consumers.logger.handlers)

        before = list(consumers.logger.handlers)
        self.assertTrue(run_case(InnerTests).wasSuccessful())
        self.assertEqual(len(during), len(before) + 1)
        self.assertEqual(consumers.logger.handlers, before)


class NameTests(LiveOpsTestCase):
    def test_the_consumer_has_the_logger_that_is_listened_to(self):
        self.assertIs(consumers.logger, logging.getLogger("liveops.consumers"))

    def test_errors_are_marked_as_such(self):
        (region,) = parse(render_to_string("liveops/_error.html", {"op": Import()}))
        self.assertEqual(region.id, "op-result")
        self.assertEqual(region.children[0].classes, {"error"})

    def test_cancellations_are_marked_as_such(self):
        (shown,) = parse(render_to_string("liveops/_cancelled.html"))
        self.assertEqual(shown.classes, {"op-cancelled"})
        (region,) = parse(Import(cancelled=True)._render_snapshot_html())
        self.assertEqual(region.children[0].classes, {"cancelled"})

    def test_a_running_operation_shows_its_status(self):
        (region,) = parse(Import()._render_snapshot_html())
        self.assertEqual(region.id, "op-status")

    def test_the_consumer_is_where_its_routes_have_it(self):
        ann = User.objects.create_user("ann")
        client = self.watch(Import.objects.create(owner=ann))
        self.assertIsInstance(client.consumer, consumers.LiveOperationConsumer)
