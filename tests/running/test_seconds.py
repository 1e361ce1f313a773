"""Times are numbers of seconds, whatever call takes them."""

from __future__ import annotations

import datetime
import inspect
import math
from typing import Any

import channels_testkit
from channels_testkit import (
    ApplicationCommunicator,
    HttpCommunicator,
    SimpleWebsocketTestCase,
    WebsocketCommunicator,
)
from channels_testkit.browser import BrowserTestCase
from channels_testkit.running.seconds import times_of
from tests.app.consumers import EchoConsumer

NO_TIMES = ["1", True, datetime.timedelta(seconds=1), [1], object()]
NO_LENGTHS = [-1, -0.001, math.nan, -math.inf]


class TimeTests(SimpleWebsocketTestCase):
    ws_path = "/"
    application: Any = EchoConsumer.as_asgi()

    def assert_refused(self, kind: type[Exception], call: Any, text: str) -> None:
        with self.assertRaises(kind) as caught:
            call()
        self.assertEqual(str(caught.exception), text)

    def test_the_calls_of_a_client(self):
        ann = self.connect()
        for call in (
            ann.connect,
            ann.receive_text,
            ann.receive_bytes,
            ann.receive_json,
            ann.receive_output,
            ann.receive_nothing,
            ann.wait,
            ann.disconnect,
        ):
            name = call.__name__
            with self.subTest(name):
                self.assert_refused(
                    ValueError,
                    lambda call=call: call(timeout=-1),
                    f"{name}(timeout=-1): give a number of seconds, 0 or more.",
                )
        self.assertOpen(ann)

    def test_what_is_no_number(self):
        ann = self.connect()
        for value in NO_TIMES:
            with self.subTest(value), self.assertRaises(TypeError) as caught:
                ann.receive_text(value)
            text = str(caught.exception)
            self.assertRegex(text, r"^receive_text\(timeout=.*\): give a number of")
        for value in NO_LENGTHS:
            with self.subTest(value), self.assertRaises(ValueError) as caught:
                ann.receive_text(value)
            self.assertEqual(
                str(caught.exception),
                f"receive_text(timeout={value!r}): give a number of seconds, 0 or"
                " more.",
            )

    def test_none_stands_for_the_default_where_that_is_none(self):
        ann = self.connect()
        ann.send_text("1")
        self.assertEqual(ann.receive_text(None), "1")
        self.assert_refused(
            TypeError,
            lambda: ann.receive_nothing(None),
            "receive_nothing(timeout=None): give a number of seconds.",
        )

    def test_any_length_is_a_time(self):
        ann = self.connect()
        for value in (0, 0.5, 10**9, math.inf):
            ann.send_text("1")
            self.assertEqual(ann.receive_text(timeout=value), "1")

    def test_a_reason_in_the_place_of_a_time(self):
        ann = self.connect()
        self.assert_refused(
            TypeError,
            lambda: ann.disconnect(4000, "enough"),
            "disconnect(timeout='enough'): give a number of seconds. A reason is given"
            " by its name: reason='...'.",
        )

    def test_assertions(self):
        ann = self.connect()
        for call, args in (
            (self.assertReceivesJson, (ann, 1)),
            (self.assertReceivesText, (ann, "1")),
            (self.assertReceivesBytes, (ann, b"1")),
            (self.assertAllReceive, ([ann], 1)),
            (self.assertOnlyReceive, ([ann], 1)),
        ):
            name = call.__name__
            with self.subTest(name):
                self.assert_refused(
                    TypeError,
                    lambda call=call, args=args: call(*args, timeout="1"),
                    f"{name}(timeout='1'): give a number of seconds.",
                )
        self.assert_refused(
            TypeError,
            lambda: self.assertReceivesNothing(ann, within=None),
            "assertReceivesNothing(within=None): give a number of seconds.",
        )

    async def test_coroutines(self):
        ann = await self.aconnect()
        client = self.create_client()
        request = HttpCommunicator(None, "GET", "/")
        worker = ApplicationCommunicator(self.application, {"type": "channel"})
        for call in (
            ann.receive_from,
            ann.receive_json_from,
            ann.receive_output,
            ann.connect,
            client.aconnect,
            request.get_response,
            request.receive_chunk,
            request.chunks,
            request.receive_event,
            request.events,
            request.start,
            worker.wait,
        ):
            name = call.__name__
            with self.subTest(name):
                self.assert_refused(
                    TypeError,
                    lambda call=call: call(timeout="1"),
                    f"{name}(timeout='1'): give a number of seconds.",
                )
        with self.assertRaisesMessage(TypeError, "areceive_text(timeout='1')"):
            await client.areceive_text("1")
        with self.assertRaisesMessage(ValueError, "(within=-1)"):
            await self.aassertReceivesNothing(ann, within=-1)


class EachCallTests(SimpleWebsocketTestCase):
    def test_no_public_method_takes_a_time_unchecked(self):
        """A method that is added later is held to it as well."""
        methods = {
            f"{kind.__qualname__}.{name}": method
            for kind in _classes()
            for name, method in vars(kind).items()
            if not name.startswith("_") and callable(method)
            if times_of(inspect.unwrap(method))
        }
        unchecked = [
            name for name, method in methods.items() if inspect.unwrap(method) is method
        ]
        self.assertEqual(unchecked, [])
        self.assertIn("Frames.receive_from", methods)
        self.assertIn("PageAssertions.assertPageShows", methods)


def _classes() -> set[type]:
    """Return the public classes of the package, and what they inherit."""
    public = [getattr(channels_testkit, name) for name in channels_testkit.__all__]
    kinds = [*filter(inspect.isclass, public), BrowserTestCase]
    found = {it for kind in kinds for it in kind.__mro__}
    return {kind for kind in found if kind.__module__.startswith("channels_testkit.")}


class CommunicatorTests(SimpleWebsocketTestCase):
    async def test_a_subclass_is_checked_where_it_calls_the_method(self):
        class Patient(WebsocketCommunicator):
            async def receive_output(self, timeout=1):
                return await super().receive_output(timeout)

        communicator = Patient(EchoConsumer.as_asgi(), "/")
        await communicator.connect()
        with self.assertRaisesMessage(TypeError, "receive_from(timeout='1')"):
            await communicator.receive_from("1")
