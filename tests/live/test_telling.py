"""What the application raises on a live server is told to the test."""

from __future__ import annotations

import asyncio
import logging
import sys
import unittest
from functools import partial
from http.client import IncompleteRead
from unittest import mock

from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.http import Http404, StreamingHttpResponse
from django.test import override_settings
from django.urls import path

from channels_testkit import LiveServerTestCase, apply_routes
from tests.utils import OuterTestCase, run_case, told_with

from .clients import SERVERS, dial, fetch, hear, is_closed, say


class RefusedError(RuntimeError):
    """What the views and consumers of this module raise."""


def fail(request):
    raise RefusedError("the view")


async def afail(request):
    raise RefusedError("the async view")


def close_body(request):
    """Do what Django leaves undone where its handler fails."""
    request._stream.close()


def leave(request):
    close_body(request)
    sys.exit("the view")


async def begin(request):
    close_body(request)

    async def lines():
        yield b"begun\n"
        raise RefusedError("the stream")

    return StreamingHttpResponse(lines())


def forbid(request):
    raise Http404


class Failing(AsyncJsonWebsocketConsumer):
    async def connect(self):
        if self.scope["query_string"]:
            raise RefusedError("the handshake")
        await self.accept()

    async def receive_json(self, content, **kwargs):
        if content == "leave":
            sys.exit("the consumer")
        elif content == "in a task":
            self.task = asyncio.create_task(self.fail())
            await self.send_json("begun")
        else:
            await self.fail()

    async def fail(self):
        raise RefusedError("the consumer")


class Inner:
    def test_view(self):
        self.answers = [fetch(f"{self.live_server_url}/fail/")[0]]

    def test_async_view(self):
        fetch(f"{self.live_server_url}/afail/")

    def test_not_found(self):
        self.assertEqual(fetch(f"{self.live_server_url}/404/")[0], 404)

    def test_consumer(self):
        client = dial(self, "/ws/fail/")
        say(client, "now")
        self.assertTrue(is_closed(client))

    def test_handshake(self):
        with self.assertRaisesRegex(Exception, "500"):
            dial(self, "/ws/fail/?now")

    def test_task(self):
        client = dial(self, "/ws/fail/")
        say(client, "in a task")
        hear(client)

    def test_leaving(self):
        url = f"{self.live_server_url}/leave/"
        self.assertEqual([fetch(url)[0], fetch(url)[0]], [500, 500])

    def test_leaving_consumer(self):
        client = dial(self, "/ws/fail/")
        say(client, "leave")
        self.assertTrue(is_closed(client))
        dial(self, "/ws/fail/")

    def test_stream(self):
        with self.assertRaises(IncompleteRead):
            fetch(f"{self.live_server_url}/begin/")

    def test_expected(self):
        with self.assertApplicationRaises(RefusedError) as caught:
            fetch(f"{self.live_server_url}/fail/")
        self.assertEqual(str(caught.exception), "the view")

    def test_expected_by_a_client_that_waits_for_nothing(self):
        with self.assertApplicationRaises(RefusedError):
            say(dial(self, "/ws/fail/"), "now")

    def test_expected_in_vain(self):
        with self.assertApplicationRaises(RefusedError):
            fetch(f"{self.live_server_url}/404/")

    def test_kit_call(self):
        fetch(f"{self.live_server_url}/fail/")
        self.connect("/ws/fail/")


def inner_case(parent=Inner, **attributes):
    case = type("InnerTests", (parent, LiveServerTestCase), attributes)
    urls = (
        *(path(f"{view.__name__}/", view) for view in (fail, afail, leave, begin)),
        path("404/", forbid),
    )
    routes = apply_routes([path("ws/fail/", Failing.as_asgi())])
    return override_settings(ROOT_URLCONF=urls)(routes(case))


class TellingTests:
    """Run on each server."""

    def run_inner(self, name, **attributes):
        return run_case(inner_case(server_class=self.server_class, **attributes), name)

    def assertTold(self, name, *texts):
        # Nobody configures logging here, so that what is logged is printed.
        with self.assertNoLogs(self.server_class.loggers[0], logging.ERROR):
            result = self.run_inner(name)
        self.assertEqual(result.texts, list(texts))
        self.assertTrue(all(isinstance(error, RefusedError) for error in result.raised))

    def test_a_view_that_raises_fails_the_test(self):
        self.assertTold("test_view", "the view")
        self.assertTold("test_async_view", "the async view")

    def test_a_view_that_ends_the_process_does_not(self):
        result = self.run_inner("test_leaving")
        (error,) = result.raised
        self.assertIsInstance(error, SystemExit)
        told = told_with(error).splitlines()
        self.assertEqual(told[0], "the view")
        self.assertIn("There was 1 more like it.", told)

    def test_a_consumer_that_ends_the_process_does_not(self):
        with self.assertNoLogs(self.server_class.loggers[0], logging.ERROR):
            result = self.run_inner("test_leaving_consumer")
        self.assertEqual(result.texts, ["the consumer"])

    def test_a_response_that_fails_on_its_way_is_cut(self):
        self.assertTold("test_stream", "the stream")

    def test_a_loop_that_cannot_be_watched_is_told(self):
        refused = mock.Mock(side_effect=RefusedError("that loop"))
        with mock.patch("channels_testkit.live.connections.watch_of", refused):
            result = self.run_inner("test_not_found")
        self.assertIn("that loop", result.texts)

    def test_a_page_that_is_not_found_does_not(self):
        self.assertTold("test_not_found")

    def test_a_consumer_that_raises_fails_the_test(self):
        self.assertTold("test_consumer", "the consumer")
        self.assertTold("test_handshake", "the handshake")

    def test_a_task_that_nobody_awaits_fails_the_test(self):
        self.assertTold("test_task", "the consumer")

    def test_an_exception_can_be_expected(self):
        self.assertTold("test_expected")
        self.assertTold("test_expected_by_a_client_that_waits_for_nothing")

    def test_an_exception_interrupts_the_next_call(self):
        self.assertTold("test_kit_call", "the view")

    def test_one_that_does_not_come_is_missed(self):
        result = self.run_inner("test_expected_in_vain", receive_timeout=0.05)
        self.assertRegex(
            result.texts[0],
            r"^The application did not raise RefusedError\.\n\nWaited for 0\.05 s,"
            r" because of the live server at 127\.0\.0\.1:\d+\.$",
        )

    def test_the_traceback_is_that_of_the_application(self):
        result = self.run_inner("test_view")
        frame = result.raised[0].__traceback__
        while frame.tb_next:
            frame = frame.tb_next
        self.assertEqual(frame.tb_frame.f_code, fail.__code__)

    def test_where_nobody_is_told_the_server_logs_it(self):
        logger = self.server_class.loggers[0]
        with self.assertLogs(logger, logging.ERROR) as logged:
            result = self.run_inner("test_consumer", application_errors="off")
        self.assertEqual(result.texts, [])
        self.assertIn("the consumer", logged.output[0])


class DaphneTests(TellingTests, OuterTestCase):
    server_class = SERVERS[0]


class UvicornTests(TellingTests, OuterTestCase):
    server_class = SERVERS[1]


class RefusingTests(OuterTestCase):
    """Why a client was refused is no secret of the server's."""

    def run_inner(self, body):
        members = {"test_it": lambda case: body(case)}
        return run_case(type("InnerTests", (LiveServerTestCase,), members))

    @unittest.skipIf(sys.version_info < (3, 11), "exceptions have no notes")
    def test_a_refused_handshake_is_noted_on_what_comes_of_it(self):
        for path_, options, text in [
            (
                "/ws/who/",
                {},
                r"The live server refused the WebSocket /ws/who/: close code 4401,"
                r" reason 'log in first'; scope\['user'\]: AnonymousUser; Origin:"
                r" http://127\.0\.0\.1:\d+\.",
            ),
            (
                "/ws/echo/",
                {"origin": "http://elsewhere.example"},
                r"The live server refused the WebSocket /ws/echo/: its origin,"
                r" http://elsewhere\.example, is not accepted\.",
            ),
        ]:
            with self.subTest(path_):
                result = self.run_inner(partial(dial, path=path_, **options))
                (note,) = result.raised[0].__notes__
                self.assertRegex(note, f"^{text}$")

    def test_a_path_without_a_route_lists_the_routes(self):
        def body(case):
            with case.assertRaisesRegex(Exception, "500"):
                dial(case, "/ws/eco/")

        (text,) = self.run_inner(body).texts
        self.assertIn("No route found for path 'ws/eco/'", text)
        self.assertIn("Did you mean '/ws/echo/'?", text)


class BetweenTests(OuterTestCase):
    def test_what_comes_before_the_first_test_is_told_to_it(self):
        class Early(Inner):
            @classmethod
            def setUpClass(cls):
                super().setUpClass()
                fetch(f"{cls.live_server_url}/fail/")

        result = run_case(inner_case(Early), "test_not_found")
        self.assertEqual(result.texts, ["the view"])

    def test_without_a_test_the_class_is_told(self):
        class Alone(Inner):
            @classmethod
            def setUpClass(cls):
                super().setUpClass()
                fetch(f"{cls.live_server_url}/fail/")
                raise NotImplementedError("no test")

        result = run_case(inner_case(Alone), "test_not_found")
        self.assertEqual(result.texts, ["no test", "the view"])
