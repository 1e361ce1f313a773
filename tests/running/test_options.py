from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.test import SimpleTestCase

from channels_testkit import NoFrame, SimpleWebsocketTestCase
from channels_testkit.asgi.websocket_protocol import BREACHES
from channels_testkit.running.options import LEVELS, WATCHES
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


class FollowedAttributesTests(OuterTestCase):
    def test_what_a_test_sets_on_itself_counts_at_its_end(self) -> None:
        class Inner(SimpleWebsocketTestCase):
            def test(self) -> None:
                self.check_unread = "fail"
                self.connect("/ws/echo/").send_text("hello")

        (text,) = run_case(Inner).texts
        self.assertEqual(text.partition("\n")[0], "Nobody read 1 frame from /ws/echo/.")

    def test_what_set_up_sets_counts_from_then_on(self) -> None:
        class Inner(SimpleWebsocketTestCase):
            def setUp(self) -> None:
                self.receive_timeout = 0.01

            def test(self) -> None:
                ann = self.connect("/ws/echo/")
                ann.receive_text()

        (error,) = run_case(Inner).raised
        self.assertIsInstance(error, NoFrame)

    def test_what_means_nothing_is_refused_where_it_is_set(self) -> None:
        class Inner(SimpleWebsocketTestCase):
            def setUp(self) -> None:
                self.check_leaks = "of"

            def test(self) -> None:
                raise LookupError("the test ran")

        (text,) = run_case(Inner).texts
        self.assertEqual(
            text, "Inner.check_leaks is one of 'fail', 'warn', 'off', not 'of'."
        )

    def test_the_same_where_the_test_sets_it(self) -> None:
        class Inner(SimpleWebsocketTestCase):
            def test(self) -> None:
                self.check_leaks = "of"

        (text,) = run_case(Inner).texts
        self.assertEqual(
            text, "Inner.check_leaks is one of 'fail', 'warn', 'off', not 'of'."
        )
