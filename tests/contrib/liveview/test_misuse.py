"""Arguments in the wrong order, and failures about large values."""

from __future__ import annotations

from typing import Any

from liveview import send

from channels_testkit.contrib.liveview import LiveViewTestCase

MOST = 20_000
LONG = "x" * 300_000


class MisuseTests(LiveViewTestCase):
    def test_swapped_and_single_arguments_are_refused(self) -> None:
        ann = self.open_room("desk", name="ann")
        names = "assertOnlyReached(clients, selector, contains)"
        kind = "is not a list of clients of rooms."
        for arguments, text in (
            ((ann, "#bell"), f"{ann.label} {kind}"),
            (("#bell", [ann]), f"'#bell' {kind}"),
        ):
            with self.assertRaises(TypeError) as caught:
                self.assertOnlyReached(*arguments)
            self.assertEqual(
                str(caught.exception),
                f"{names}: {text} Write self.assertOnlyReached([client], '#bell').",
            )

    def test_failures_about_large_values_are_short(self) -> None:
        ann, ben = self.open_room("desk"), self.open_room("desk")
        self.begin_turn()
        for number in range(50):
            target = f"#{number}{'y' * 1_000}"
            send(None, {"target": target, "html": LONG}, broadcast=True)
        send(None, {"target": "#news", "html": LONG}, broadcast=True)
        calls: list[Any] = [
            lambda: ann.assert_target("#new", contains=LONG),
            lambda: ann.assert_target("#news", contains=f"{LONG}y"),
            lambda: ann.assert_target("#news", append=LONG),
            lambda: ann.assert_error(LONG),
            lambda: ann.assert_unknown_function(LONG),
            lambda: ann.assert_no_reply(),
            lambda: ben.assert_target(LONG),
            lambda: self.assertOnlyReached([ann], "#news", contains=LONG),
            lambda: ann.call(LONG),
        ]
        for number, call in enumerate(calls[:-1]):
            with self.subTest(number), self.assertRaises(AssertionError) as caught:
                call()
            self.assertLess(len(str(caught.exception)), MOST)
        calls[-1]()
        with self.assertRaises(AssertionError) as caught:
            ann.assert_target("#news")
        self.assertLess(len(str(caught.exception)), MOST)
