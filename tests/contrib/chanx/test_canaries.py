"""What the package takes from Chanx, so that another Chanx is noticed here."""

from __future__ import annotations

import dataclasses
import inspect
import unittest
from typing import Any
from unittest import mock

import chanx.channels.authenticator
import chanx.core.websocket
from chanx.channels.websocket import AsyncJsonWebsocketConsumer
from chanx.constants import COMPLETE_ACTIONS
from chanx.core.config import config
from chanx.core.topic import Topic
from chanx.utils.logging import logger
from django.test import override_settings
from rest_framework import views

from channels_testkit.contrib import chanx as ours

from .consumers import LobbyConsumer


class CanaryTests(unittest.TestCase):
    def test_one_logger_tells_of_all_that_is_caught(self):
        for module in (chanx.core.websocket, chanx.channels.authenticator):
            self.assertIs(module.logger, logger)
            self.assertIn("logger.aexception(", inspect.getsource(module))

    def test_the_logger_can_be_patched_and_makes_others(self):
        marker: Any = object()
        with mock.patch.object(logger, "aexception", marker):
            self.assertIs(logger.aexception, marker)
            self.assertIsNot(logger.bind().aexception, marker)
        self.assertNotIn("aexception", vars(logger))

    def test_settings_are_read_when_they_are_asked_for(self):
        for name, default in (("camelize", False), ("send_completion", False)):
            self.assertIs(getattr(config, name), default)
            with override_settings(CHANX={name.upper(): not default}):
                self.assertIs(getattr(config, name), not default)
        self.assertTrue(config.send_authentication_message)

    def test_what_consumers_say_about_themselves(self):
        for name in ("should_camelize", "should_send_completion"):
            self.assertIsInstance(
                vars(AsyncJsonWebsocketConsumer.__mro__[1])[name], property
            )
        self.assertEqual(LobbyConsumer.discriminator_field, "action")
        self.assertTrue(
            hasattr(LobbyConsumer.outgoing_message_adapter, "validate_python")
        )

    def test_completions(self):
        self.assertEqual(
            COMPLETE_ACTIONS, {"complete", "group_complete", "event_complete"}
        )

    def test_broadcasts_take_what_they_took(self):
        for method, names in (
            (AsyncJsonWebsocketConsumer.broadcast_event, ["event", "groups"]),
            (Topic.broadcast, ["topic", "event", "seq"]),
        ):
            self.assertEqual(list(inspect.signature(method).parameters), names)
            self.assertTrue(inspect.ismethod(method))

    def test_refusals_of_rest_framework_go_through_one_function(self):
        self.assertIn("set_rollback()", inspect.getsource(views.exception_handler))

    def test_consumers_are_known_by_their_applications(self):
        self.assertIs(LobbyConsumer.as_asgi().consumer_class, LobbyConsumer)


class CompatibilityTests(unittest.TestCase):
    """Against Chanx's own testing module, which needs Daphne."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        try:
            from chanx.channels import testing
            from chanx.core import testing as core
        except ImportError as error:
            raise unittest.SkipTest(f"Chanx's testing module: {error}") from error
        cls.theirs, cls.core = testing, core

    def public(self, kind: type) -> set[str]:
        return {
            name
            for part in kind.__mro__
            if part.__module__.startswith("chanx.")
            for name in vars(part)
            if not name.startswith("_")
        }

    def test_every_method_is_there(self):
        for name in ("WebsocketTestCase", "DjangoWebsocketCommunicator"):
            kind = getattr(ours, name)
            for method in self.public(getattr(self.theirs, name)):
                with self.subTest(f"{name}.{method}"):
                    # Attributes that only instances of the package have.
                    self.assertTrue(
                        hasattr(kind, method) or method in {"application", "action_key"}
                    )

    def test_every_parameter_is_taken(self):
        theirs = self.theirs.DjangoWebsocketCommunicator
        for name in self.public(theirs):
            method = getattr(theirs, name)
            own = getattr(ours.WebsocketCommunicator, name, None)
            if not inspect.isfunction(method) or own is None:
                continue
            own = getattr(own, "__wrapped__", own)
            with self.subTest(name):
                missing = set(inspect.signature(method).parameters) - set(
                    inspect.signature(own).parameters
                )
                self.assertEqual(missing, set())

    def test_what_is_captured_has_the_same_fields(self):
        for name in ("CapturedBroadcastEvent", "CapturedTopicBroadcast"):
            theirs, own = getattr(self.core, name), getattr(ours, name)
            self.assertEqual(
                [field.name for field in dataclasses.fields(own)],
                [field.name for field in dataclasses.fields(theirs)],
            )
