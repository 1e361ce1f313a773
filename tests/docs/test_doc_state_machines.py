"""The page on state machines shows what is printed, and what it says holds."""

from __future__ import annotations

import os
import traceback
from typing import Any

# docs:start machine-imports
from hypothesis import settings, strategies as st
from hypothesis.stateful import Bundle, consumes, rule

from channels_testkit import WSClient  # noqa: TC001 - as a project writes it
from channels_testkit.hypothesis import WebsocketStateMachine

# docs:end machine-imports
from tests.machines import REPEATABLE, run_machine
from tests.utils import FAILURES, UPDATE_FAILURES, OuterTestCase

from .state_machines import OneRowPresence, Presence


# docs:start machine
class Tabs(WebsocketStateMachine):
    application: Any = Presence.as_asgi()
    ws_path = "/"

    tabs: Bundle[WSClient] = Bundle("tabs")

    def __init__(self) -> None:
        super().__init__()
        self.names: dict[WSClient, str] = {}

    @rule(target=tabs, name=st.sampled_from(["ann", "ben"]))
    def opens(self, name: str) -> WSClient:
        tab = self.connect(path_kwargs={"name": name}, name=name)
        self.names[tab] = name
        return tab

    @rule(tab=consumes(tabs))
    def closes(self, tab: WSClient) -> None:
        tab.disconnect()
        del self.names[tab]

    @rule(tab=tabs)
    def asks_who_is_here(self, tab: WSClient) -> None:
        tab.send_json("who is here?")
        self.assertReceivesJson(tab, sorted(set(self.names.values())))


TestTabs = Tabs.TestCase
# docs:end machine

# docs:start settings
TestTabs = Tabs.TestCase
TestTabs.settings = settings(max_examples=50, stateful_step_count=10)
# docs:end settings
# pytest is not to find it: the tests below run it.
TestTabs.__test__ = False  # type: ignore[attr-defined]

# It has the name that the page shows.
OneRowTabs = type("Tabs", (Tabs,), {"application": OneRowPresence.as_asgi()})

PRINTED = FAILURES.parent / "printed" / "state-machine.txt"


class StateMachinePageTests(OuterTestCase):
    maxDiff = None

    def test_the_page_shows_the_failure(self) -> None:
        many = settings(REPEATABLE, max_examples=1_000)
        (error,) = run_machine(OneRowTabs, many).raised
        printed = "".join(traceback.format_exception_only(type(error), error))
        # Older versions of Hypothesis do not say what of.
        printed = printed.replace("case:\n", "case: <state machine>\n")
        # Either name does, and versions of Hypothesis shrink to another one.
        printed = printed.replace("ben", "ann")
        if os.environ.get(UPDATE_FAILURES):
            PRINTED.write_text(printed)
        self.assertMultiLineEqual(printed, PRINTED.read_text())

    def test_it_passes_with_a_row_for_each_tab(self) -> None:
        self.assertEqual(run_machine(Tabs).texts, [])


def load_tests(loader: Any, tests: Any, pattern: Any) -> Any:
    """Leave the quoted test out."""
    return loader.loadTestsFromTestCase(StateMachinePageTests)
