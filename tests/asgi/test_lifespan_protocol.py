from __future__ import annotations

import unittest

from channels_testkit.asgi.breaches import BREACHES
from channels_testkit.asgi.lifespan_protocol import (
    EVENT_TYPES,
    SHUTDOWN_COMPLETE,
    SHUTDOWN_FAILED,
    STARTUP_COMPLETE,
    STARTUP_FAILED,
    LifespanProtocol,
)


def in_state(*kinds: str) -> LifespanProtocol:
    """Return the protocol after some events; "?" asks for shutdown."""
    protocol = LifespanProtocol()
    for kind in kinds:
        if kind == "?":
            protocol.shuts_down()
        else:
            protocol.sent({"type": kind})
    return protocol


class LifespanProtocolTests(unittest.TestCase):
    def test_what_may_be_sent_and_where_it_leads(self) -> None:
        for before, kind, state in (
            ([], STARTUP_COMPLETE, "started"),
            ([], STARTUP_FAILED, "startup failed"),
            ([STARTUP_COMPLETE, "?"], SHUTDOWN_COMPLETE, "complete"),
            ([STARTUP_COMPLETE, "?"], SHUTDOWN_FAILED, "shutdown failed"),
        ):
            with self.subTest(kind):
                protocol = in_state(*before)
                self.assertIsNone(protocol.check({"type": kind}))
                protocol.sent({"type": kind})
                self.assertEqual(protocol.state, state)

    def test_breaches(self) -> None:
        done = [STARTUP_COMPLETE, "?", SHUTDOWN_COMPLETE]
        for before, event, name in (
            ([], None, "not-a-dict"),
            ([], {}, "no-type"),
            ([], {"type": "lifespan.startup"}, "unknown-type"),
            ([], {"type": 3}, "unknown-type"),
            ([], {"type": SHUTDOWN_COMPLETE}, "lifespan-not-asked"),
            ([STARTUP_COMPLETE], {"type": SHUTDOWN_FAILED}, "lifespan-not-asked"),
            (
                [STARTUP_COMPLETE],
                {"type": STARTUP_COMPLETE},
                "lifespan-answered-twice",
            ),
            ([STARTUP_FAILED], {"type": STARTUP_FAILED}, "lifespan-answered-twice"),
            (
                [STARTUP_COMPLETE, "?"],
                {"type": STARTUP_FAILED},
                "lifespan-answered-twice",
            ),
            (done, {"type": SHUTDOWN_COMPLETE}, "lifespan-answered-twice"),
        ):
            with self.subTest(before=before, event=event):
                breach = in_state(*before).check(event)
                assert breach is not None
                self.assertEqual(breach.name, name)
                self.assertIn(name, BREACHES)

    def test_a_breach_that_is_let_through_leads_nowhere(self) -> None:
        protocol = in_state(STARTUP_COMPLETE, SHUTDOWN_COMPLETE)
        self.assertEqual(protocol.state, "started")

    def test_texts(self) -> None:
        self.assertEqual(len(EVENT_TYPES), 4)
        twice = in_state(STARTUP_COMPLETE).check({"type": STARTUP_COMPLETE})
        early = in_state().check({"type": SHUTDOWN_COMPLETE})
        assert twice is not None
        assert early is not None
        self.assertEqual(
            twice.text,
            "The application sent 'lifespan.startup.complete' when it had answered"
            " already, and a server refuses a second answer; answer 'lifespan.startup'"
            " once and 'lifespan.shutdown' once.",
        )
        self.assertEqual(
            early.text,
            "The application sent 'lifespan.shutdown.complete' before the server asked"
            " it to shut down, and a server does not wait for that; await receive()"
            " until 'lifespan.shutdown' comes.",
        )
