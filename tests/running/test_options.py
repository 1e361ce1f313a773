from __future__ import annotations

from typing import Any, ClassVar
from unittest import mock

from django.core.exceptions import ImproperlyConfigured
from django.test import SimpleTestCase

from channels_testkit import (
    NoFrame,
    SimpleChannelTestCase,
    SimpleWebsocketTestCase,
    WebsocketCommunicator,
)
from channels_testkit.asgi.breaches import BREACHES
from channels_testkit.running.options import LEVELS, WATCHES
from channels_testkit.running.run import current
from tests.app.consumers import EchoConsumer
from tests.utils import OuterTestCase, run_case


class PolicyTests(SimpleTestCase):
    maxDiff = None

    def set_up_class(self, **policies: Any) -> list[BaseException]:
        class Inner(SimpleWebsocketTestCase):
            def test_it(self) -> None:
                pass

        for name, value in policies.items():
            setattr(Inner, name, value)
        return run_case(Inner).raised

    def assert_refused(self, text: str, **policies: Any) -> None:
        (error,) = self.set_up_class(**policies)
        self.assertIsInstance(error, ImproperlyConfigured)
        self.assertEqual(str(error), text)

    def test_every_level_of_every_watch_is_taken(self) -> None:
        for name in (*WATCHES, "check_protocol"):
            for level in LEVELS:
                with self.subTest(name, level=level):
                    self.assertEqual(self.set_up_class(**{name: level}), [])

    def test_unknown_levels_are_refused(self) -> None:
        for name in (*WATCHES, "check_protocol"):
            for value in ("error", True, None) if name != "check_protocol" else ["no"]:
                with self.subTest(name, value=value):
                    self.assert_refused(
                        f"Inner.{name} is one of 'fail', 'warn', 'off', not {value!r}.",
                        **{name: value},
                    )

    def test_source_of_the_layers_is_known(self) -> None:
        self.assertEqual(self.set_up_class(layer_source="captive"), [])
        self.assert_refused(
            "Inner.layer_source is one of 'captive', 'configured', not 'redis'.",
            layer_source="redis",
        )

    def test_what_becomes_of_a_backlog_is_known(self) -> None:
        for value in ("lost", "kept"):
            self.assertEqual(self.set_up_class(worker_backlog=value), [])
        self.assert_refused(
            "Inner.worker_backlog is one of 'lost', 'kept', not True.",
            worker_backlog=True,
        )

    def test_levels_that_cannot_be_hashed_are_refused(self) -> None:
        self.assert_refused(
            "Inner.check_leaks is one of 'fail', 'warn', 'off', not ['off'].",
            check_leaks=["off"],
        )

    def test_unknown_commit_rule_is_refused(self) -> None:
        self.assert_refused(
            "Inner.on_commit_callbacks is one of 'production', 'django', not 'never'.",
            on_commit_callbacks="never",
        )

    def test_breaches_to_allow_are_named_rightly(self) -> None:
        self.assertEqual(self.set_up_class(check_protocol=list(BREACHES)), [])
        self.assertEqual(self.set_up_class(check_protocol=set()), [])
        self.assert_refused(
            "Inner.check_protocol allows 'early-send', but the breaches are:"
            f" {', '.join(BREACHES)}.",
            check_protocol={"early-send"},
        )

    def test_breaches_that_are_no_collection_are_refused(self) -> None:
        for value in (None, True, 7):
            with self.subTest(value):
                self.assert_refused(
                    "Inner.check_protocol is one of 'fail', 'warn', 'off', or names"
                    f" breaches to allow, not {value!r}.",
                    check_protocol=value,
                )

    def test_times_are_numbers_of_seconds(self) -> None:
        self.assertEqual(self.set_up_class(hang_timeout=None), [])
        self.assertEqual(self.set_up_class(hang_timeout=1, receive_timeout=0.5), [])
        for name, value in (
            ("hang_timeout", "30"),
            ("hang_timeout", -1),
            ("receive_timeout", None),
            ("receive_timeout", True),
        ):
            with self.subTest(name, value=value):
                self.assert_refused(
                    f"Inner.{name} is a number of seconds, not {value!r}.",
                    **{name: value},
                )

    def test_threads_are_a_collection(self) -> None:
        for name in ("outside_threads", "idle_threads"):
            self.assertEqual(self.set_up_class(**{name: ["service", callable]}), [])
            self.assert_refused(
                f"Inner.{name} is a list of names of threads or functions, not"
                " 'service'.",
                **{name: "service"},
            )

    def test_background_jobs_are_a_collection(self) -> None:
        self.assertEqual(self.set_up_class(background_jobs=["app.listen", print]), [])
        self.assert_refused(
            "Inner.background_jobs is a list of functions or dotted names, not"
            " 'app.listen'.",
            background_jobs="app.listen",
        )

    def test_aliases_are_configured(self) -> None:
        self.assert_refused(
            "test_channel_aliases is '__all__' or a list, not 'default'.",
            test_channel_aliases="default",
        )
        self.assert_refused(
            "test_channel_aliases names 'redis', which CHANNEL_LAYERS does not have; it"
            " has 'default', 'other'.",
            test_channel_aliases=["redis"],
        )


class ChangedAttributesTests(OuterTestCase):
    """What a test says counts when it is needed, whenever it was said."""

    def test_what_a_test_sets_on_itself_counts_at_its_end(self) -> None:
        class Inner(SimpleWebsocketTestCase):
            def test(self) -> None:
                self.check_unread = "fail"
                self.connect("/ws/echo/").send_text("hello")

            def test_of_the_class(self) -> None:
                with mock.patch.object(type(self), "check_unread", "fail"):
                    self.connect("/ws/echo/").send_text("hello")
                    self.doCleanups()

        for name in ("test", "test_of_the_class"):
            with self.subTest(name):
                text, *_ = run_case(Inner, name).texts
                self.assertEqual(
                    text.partition("\n")[0],
                    "The test did not read 1 frame from /ws/echo/.",
                )

    def test_timeouts_count_from_then_on(self) -> None:
        class Inner(SimpleWebsocketTestCase):
            def setUp(self) -> None:
                self.receive_timeout = 0.01
                self.hang_timeout = 12

            def test(self) -> None:
                with self.assertRaises(NoFrame):
                    self.connect("/ws/echo/").receive_text()
                self.assertEqual(self._kit.receive_timeout, 0.01)
                self.assertEqual(self._kit.rest.hang_timeout, 12)

        self.assertEqual(run_case(Inner).texts, [])

    def test_methods_may_be_replaced_in_the_test(self) -> None:
        def headers(*_: object) -> dict[str, str]:
            return {"x-a": "1"}

        class Inner(SimpleWebsocketTestCase):
            def test_on_the_test(self) -> None:
                self.get_ws_headers = headers
                self.check()

            def test_in_a_block(self) -> None:
                with mock.patch.object(type(self), "get_ws_headers", headers):
                    self.check()

            @mock.patch.object(SimpleWebsocketTestCase, "get_ws_headers", headers)
            def test_decorated(self) -> None:
                self.check()

            def test_application(self) -> None:
                echo = mock.Mock(return_value=EchoConsumer.as_asgi())
                with mock.patch.object(type(self), "get_application", echo):
                    self.connect("/no/route/")

            def check(self) -> None:
                sent = self.connect("/ws/echo/").scope["headers"]
                self.assertIn((b"x-a", b"1"), sent)

        self.assertEqual(run_case(Inner).texts, [])

    def test_classes_without_connecting_are_asked_as_well(self) -> None:
        class Inner(SimpleChannelTestCase):
            asgi_extensions: ClassVar[dict[str, Any]] = {"x": {}}

            def get_ws_headers(self) -> dict[str, str]:
                return {"x-a": "1"}

            async def test(self) -> None:
                communicator = WebsocketCommunicator(EchoConsumer.as_asgi(), "/")
                await communicator.connect()
                self.assertIn((b"x-a", b"1"), communicator.scope["headers"])
                self.assertEqual(communicator.scope["extensions"], {"x": {}})

        self.assertEqual(run_case(Inner).texts, [])

    def test_what_means_nothing_is_refused_at_the_end(self) -> None:
        for name, value, text in (
            ("check_leaks", "of", "is one of 'fail', 'warn', 'off', not 'of'."),
            ("check_protocol", [None, "no"], "allows None, 'no', but the breaches are"),
        ):

            class Inner(SimpleWebsocketTestCase):
                def test(self, name: str = name, value: object = value) -> None:
                    setattr(self, name, value)

            with self.subTest(name):
                (found,) = run_case(Inner).texts
                self.assertIn(f"Inner.{name} {text}", found)
                self.assertIsNone(current())

    def test_names_of_a_project_are_left_to_it(self) -> None:
        class Inner(SimpleWebsocketTestCase):
            def _options(self, order: object) -> object: ...
            def _place(self, order: object) -> object: ...
            def _take_down(self, order: object) -> object: ...

            def test(self) -> None:
                self.connect("/ws/echo/")

        self.assertEqual(run_case(Inner).texts, [])
