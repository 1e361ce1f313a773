"""The failures that the reference shows, produced and compared whole."""

from __future__ import annotations

import json
from typing import Any

from liveview import liveview_handler, send

from channels_testkit.contrib.liveview import LiveViewTestCase
from tests import scenarios

from .newsroom.middleware import only_staff

scenario = scenarios.Scenarios("liveview")


# What a handler sends.


@scenario
def no_target(case: Any) -> None:
    result = case.call_handler("greet", form={"name": "Ann"})
    result.assert_target("#dask")


@scenario
def no_target_in_a_room(case: Any) -> None:
    ann = case.open_room("desk", name="ann")
    ann.call("greet", form={"name": "Ann"})
    ann.assert_target("#dask")


@scenario
def no_broadcast(case: Any) -> None:
    case.call_handler("stay_silent").assert_broadcast("#list")


@scenario
def nothing_sent_to_a_room(case: Any) -> None:
    result = case.call_handler("ring", form={"text": "lunch"}, room="press")
    result.assert_sent_to("desk", "#bell")


@scenario
def html_without_the_text(case: Any) -> None:
    result = case.call_handler("greet", form={"name": "Ann"})
    result.assert_target("#desk", contains="Ben")


@scenario
def other_field(case: Any) -> None:
    result = case.call_handler("greet", form={"name": "Ann"})
    result.assert_target("#desk", append=True)


@scenario
def reply_where_none_was_expected(case: Any) -> None:
    case.call_handler("greet", form={"name": "Ann"}).assert_no_reply()


@scenario
def frames_without_targets(case: Any) -> None:
    @liveview_handler("rename")
    def rename(consumer: Any, content: Any) -> None:
        send(consumer, {"title": "News"})
        consumer.send(text_data=json.dumps(["raw"]))

    case.call_handler(rename).assert_target("#title")


# Errors.


@scenario
def error_instead(case: Any) -> None:
    case.call_handler("raed_story").assert_target("#story")


@scenario
def no_error(case: Any) -> None:
    case.call_handler("greet", form={"name": "Ann"}).assert_error()


@scenario
def other_error(case: Any) -> None:
    case.call_handler("raed_story").assert_error(contains="jammed")


@scenario
def no_unknown_function(case: Any) -> None:
    result = case.call_handler("greet", form={"name": "Ann"})
    result.assert_unknown_function("great")


@scenario
def no_handler(case: Any) -> None:
    case.call_handler(print)


# Middleware.


@scenario
def blocked(case: Any) -> None:
    case.run_middleware(only_staff, "spike_story").assert_allowed()


@scenario
def not_blocked(case: Any) -> None:
    case.run_middleware(only_staff, "read_story").assert_blocked()


@scenario
def no_handler_to_allow(case: Any) -> None:
    case.call_handler("raed_story").assert_allowed()


# Who is reached.


@scenario
def others_reached(case: Any) -> None:
    ann, _ = case.open_room("desk", name="ann"), case.open_room(name="ben")
    ann.call("file_story", form={"headline": "Flood", "text": "Take the boat."})
    case.assertOnlyReached([ann], "#list")


@scenario
def not_reached(case: Any) -> None:
    ann, eve = case.open_room("desk", name="ann"), case.open_room(name="eve")
    ann.call("ring", form={"text": "lunch"})
    case.assertOnlyReached([ann, eve], "#bell")


class FailureTextTests(scenarios.ScenariosTestCase):
    scenarios = scenario
    inner = LiveViewTestCase
