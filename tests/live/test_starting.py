"""How a live server starts, fails to start, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import warnings
from importlib.util import find_spec, module_from_spec
from typing import ClassVar
from unittest import mock

import django.utils.asyncio
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import got_request_exception
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.transaction import Atomic
from django.db.utils import ConnectionHandler
from django.test import override_settings

from channels_testkit import LiveServerTestCase
from channels_testkit.live import ChannelLiveServerTestCase, LoopServer, Server
from channels_testkit.live.servers import default_server_class
from tests.app.asgi import application
from tests.testcases.test_requirements import requiring
from tests.utils import OuterTestCase, run_case

from .clients import SERVERS, fetch


class Inner:
    def test_it(self):
        self.seen.append(fetch(f"{self.live_server_url}/notes/")[0])


def inner_case(**attributes):
    return type("InnerTests", (Inner, LiveServerTestCase), {"seen": [], **attributes})


class FailsToStart(Server):
    """Raises when it starts, as a server does that cannot."""

    def start(self):
        raise LookupError("no server here")

    def stop(self):
        raise AssertionError("it never ran")


class FailsByAnOption(SERVERS[0]):
    options: ClassVar = {"no_such_option": True}


class FailsOnItsLoop(LoopServer):
    async def serve(self):
        raise LookupError("no server on this loop")

    async def close(self):
        raise AssertionError("it never ran")


def process_state():
    """Return what a live server changes for as long as it runs."""
    return {
        "asyncio": asyncio.get_running_loop,
        "atomic": (Atomic.__enter__, Atomic.__exit__),
        "connect": BaseDatabaseWrapper.connect,
        "connections": ConnectionHandler.__getitem__,
        "django": django.utils.asyncio.get_running_loop,
        "hosts": list(settings.ALLOWED_HOSTS),
        "middleware": vars(application.application_mapping["http"]).copy(),
        "sharing": [connections[a].allow_thread_sharing for a in connections],
        "signal": len(got_request_exception.receivers),
        "threads": {
            thread
            for thread in threading.enumerate()
            if "reactor" not in thread.name and not thread.name.startswith("channels")
        },
        "warnings": warnings.showwarning,
        "wrappers": [list(connections[a].execute_wrappers) for a in connections],
    }


class NothingLeftTests(OuterTestCase):
    def assertLeavesNothing(self, case):
        before = process_state()
        result = run_case(case)
        self.assertEqual(process_state(), before)
        return result

    def test_servers_that_ran_leave_nothing(self):
        for server_class in SERVERS:
            with self.subTest(server_class.__name__):
                case = inner_case(server_class=server_class)
                self.assertTrue(self.assertLeavesNothing(case).wasSuccessful())
                self.assertEqual(case.seen, [200])

    def test_servers_that_failed_leave_nothing(self):
        for server_class, text in [
            (FailsToStart, "no server here"),
            (FailsOnItsLoop, "no server on this loop"),
        ]:
            with self.subTest(server_class.__name__):
                result = self.assertLeavesNothing(inner_case(server_class=server_class))
                self.assertEqual(result.texts, [text])
                self.assertIsInstance(result.raised[0], LookupError)

    def test_a_daphne_that_takes_no_such_option_leaves_nothing(self):
        result = self.assertLeavesNothing(inner_case(server_class=FailsByAnOption))
        self.assertIsInstance(result.raised[0], TypeError)

    def test_a_set_up_that_fails_leaves_nothing(self):
        class Broken(Inner):
            @classmethod
            def setUpClass(cls):
                super().setUpClass()
                raise LookupError("after the server")

        case = type("InnerTests", (Broken, LiveServerTestCase), {})
        self.assertEqual(self.assertLeavesNothing(case).texts, ["after the server"])

    def test_one_class_after_another_serves(self):
        for server_class in SERVERS * 2:
            case = inner_case(server_class=server_class)
            run_case(case)
            self.assertEqual(case.seen, [200])


class RefusalTests(OuterTestCase):
    def test_a_port_that_is_taken_is_named(self):
        taken = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(taken.close)
        port = taken.getsockname()[1]
        result = run_case(inner_case(port=port))
        error = result.raised[0]
        self.assertIsInstance(error, OSError)
        self.assertIn(
            f"Address already in use: InnerTests cannot listen on 127.0.0.1, port"
            f" {port}. With port = 0 the system chooses one that is free.",
            str(error),
        )

    def test_a_port_can_be_chosen(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        case = inner_case(port=port)
        run_case(case)
        self.assertEqual(case.seen, [200])

    def test_values_that_mean_nothing_are_refused(self):
        for name, value, wanted in [
            ("port", "8000", "a number from 0 to 65535, not '8000'"),
            ("port", 65536, "a number from 0 to 65535, not 65536"),
            ("port", True, "a number from 0 to 65535, not True"),
            ("host", "", "the name or address to listen on, not ''"),
            ("server_class", "daphne", "a subclass of Server, or None, not 'daphne'"),
            ("worker_threads", 0, "a number from 1 on, not 0"),
            (
                "worker_channels",
                "mails",
                "a list of channels, or '__all__', not 'mails'",
            ),
        ]:
            with self.subTest(name, value=value):
                result = run_case(inner_case(**{name: value}))
                self.assertEqual(result.texts, [f"InnerTests.{name} is {wanted}."])
                self.assertIsInstance(result.raised[0], ImproperlyConfigured)

    @override_settings(ASGI_APPLICATION=None)
    def test_without_an_application_the_setting_is_named(self):
        result = run_case(inner_case())
        self.assertIsInstance(result.raised[0], ImproperlyConfigured)
        self.assertIn("ASGI_APPLICATION is not set", result.texts[0])

    def test_a_consumer_class_is_no_application(self):
        from tests.app.consumers import EchoConsumer

        result = run_case(inner_case(application=EchoConsumer))
        self.assertIsInstance(result.raised[0], TypeError)
        self.assertIn("use EchoConsumer.as_asgi()", result.texts[0])

    def test_names_of_both_ages_are_the_same_class(self):
        self.assertIs(ChannelLiveServerTestCase, LiveServerTestCase)


NO_SERVER = (
    "A live server needs Daphne or Uvicorn: python -m pip install"
    ' "channels-testkit[live]" for Daphne, "channels-testkit[uvicorn]" for Uvicorn.'
)


class DefaultServerTests(OuterTestCase):
    def without(self, *names):
        def find(name):
            return None if name in names else find_spec(name)

        return mock.patch("channels_testkit.live.servers.find_spec", find)

    def test_daphne_goes_first(self):
        self.assertIs(default_server_class(), SERVERS[0])

    def test_uvicorn_serves_where_there_is_no_daphne(self):
        with self.without("daphne"):
            self.assertIs(default_server_class(), SERVERS[1])

    def test_without_a_server_the_class_is_skipped(self):
        with self.without("daphne", "uvicorn"), requiring(""):
            result = run_case(inner_case())
        ((_, reason),) = result.skipped
        self.assertEqual(reason, f"{NO_SERVER} Or set server_class on the test case.")
        self.assertEqual(result.raised, [])

    def test_without_a_server_that_is_required_the_class_fails(self):
        with self.without("daphne", "uvicorn"), requiring("live"):
            (text,) = run_case(inner_case()).texts
        self.assertTrue(text.startswith(NO_SERVER), text)
        self.assertTrue(text.endswith("CHANNELS_TESTKIT_REQUIRE names 'live'."), text)

    def test_module_of_a_server_that_is_missing_names_the_extras(self):
        for name in ("daphne", "uvicorn"):
            spec = find_spec(f"channels_testkit.live.{name}")
            module = module_from_spec(spec)
            with self.subTest(name), mock.patch.dict(sys.modules, {name: None}):
                with self.assertRaises(ImportError) as caught:
                    spec.loader.exec_module(module)
                self.assertEqual(str(caught.exception), NO_SERVER)
