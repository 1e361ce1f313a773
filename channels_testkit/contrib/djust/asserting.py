"""
The assertions of djust's clients, on what the browser got.

Their failures begin as those of djust's own client do, since tests match them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from djust.security.mount import (
    _allowed_prefixes as allowed_modules,
    is_view_path_allowed as is_allowed,
)

from channels_testkit.contrib.pages import PageDriver
from channels_testkit.matching import matches
from channels_testkit.matching.wording import in_a_row, say
from channels_testkit.running.arguments import PAYLOAD, TEXT_OR_NONE, check_arguments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .page import DjustPage

__unittest = True


class LiveViewAssertions(PageDriver):
    """What both clients assert."""

    page: DjustPage
    _operations_before = 0

    #: How failures call a client.
    _name_in_tests = "client"

    def _check_named(self, call: str, names: str, name: object, other: object) -> None:
        """Refuse mixed-up arguments; the second one may be left out."""
        __tracebackhide__ = True
        arguments = [(TEXT_OR_NONE, name), (PAYLOAD, other)]
        check_arguments(self, call, names, *arguments[: 1 if other is None else 2])

    @property
    def view_instance(self) -> Any:
        """The view behind the page."""
        self.turn  # noqa: B018 - raises where nothing is mounted
        return self.page.view(self.consumer)

    def assert_push_event(self, event_name: str, params: object = None) -> Any:
        """
        Assert that the last turn pushed an event; return its payload.

        Keys of the payload that are not expected do not matter.
        """
        __tracebackhide__ = True
        names = "event_name, params"
        self._check_named("assert_push_event", names, event_name, params)
        pushed = self.turn.find({"type": "push_event"})
        for frame in pushed:
            is_it = frame["event"] == event_name
            if is_it and _is_part(params, frame["payload"]):
                return frame["payload"]
        wanted = "" if params is None else f", {say(params)}"
        queued = in_a_row([frame["event"] for frame in pushed], none="(none)")
        return self._fail(
            f"Expected push_event({say(event_name)}{wanted}) but handler queued:"
            f" {queued}"
        )

    def assert_patch(self, path: str | None = None, params: object = None) -> Any:
        """Assert that the last turn patched the URL; return the frame."""
        __tracebackhide__ = True
        names = "path, params"
        self._check_named("assert_patch", names, path, params)
        return self._assert_navigation("live_patch", path, params)

    def assert_redirect(self, path: str | None = None, params: object = None) -> Any:
        """Assert that the last turn led to another page; return the frame."""
        __tracebackhide__ = True
        names = "path, params"
        self._check_named("assert_redirect", names, path, params)
        return self._assert_navigation("live_redirect", path, params)

    def _assert_navigation(self, action: str, path: str | None, params: object) -> Any:
        __tracebackhide__ = True
        all_of_them = self.turn.find({"type": "navigation"})
        found = [frame for frame in all_of_them if frame["action"] == action]
        for frame in found:
            has_path = path is None or frame.get("path") == path
            if has_path and _is_part(params, frame.get("params") or {}):
                return frame
        if found:
            got = [(frame.get("path"), frame.get("params") or {}) for frame in found]
            return self._fail(
                f"Expected {action}(path={say(path)}, params={say(params)}) but got:"
                f" {say(got)}"
            )
        queued = [frame["action"] for frame in all_of_them]
        said = say(queued) if queued else "(no navigation)"
        return self._fail(f"Expected a {action}, but the handler queued: {said}")

    def assert_stream_insert(self, stream_name: str, item: object = None) -> Any:
        """
        Assert that the last event inserted into a stream; return the item.

        Keys of a dict that are not expected do not matter. The insertion is
        the view's: whether the browser has got anything, the turn says.
        """
        __tracebackhide__ = True
        names = "stream_name, item"
        self._check_named("assert_stream_insert", names, stream_name, item)
        inserted = self._inserted()
        if not inserted.get(stream_name):
            streams = say(sorted(inserted)) if inserted else "(none)"
            return self._fail(
                f"Expected stream_insert on {say(stream_name)}, but inserts were queued"
                f" on: {streams}"
            )
        for found in inserted[stream_name]:
            if _is_part(item, found):
                return found
        return self._fail(
            f"Expected stream_insert({say(stream_name)}, {say(item)}) but the last"
            f" event inserted: {say(inserted[stream_name])}"
        )

    def _inserted(self) -> dict[str, list[Any]]:
        """Return the items that the last event inserted, by stream."""
        view = self.view_instance
        operations = view._stream_operations[self._operations_before :]  # noqa: SLF001
        found: dict[str, list[Any]] = {}
        for name in {op["stream"] for op in operations if _inserts(op)}:
            ids = {op["dom_id"] for op in operations if _inserts(op, name)}
            stream = view._streams[name]  # noqa: SLF001
            found[name] = [i for i in stream.items if stream.dom_id_for(i) in ids]
        return found

    def assert_allowlisted(self) -> None:
        """
        Assert that the settings let djust mount the view.

        Fails where ``LIVEVIEW_ALLOWED_MODULES``, or else the packages of
        ``INSTALLED_APPS``, do not have its module. Needs no ``mount()``.
        """
        __tracebackhide__ = True
        view = self.page.view_class
        if not is_allowed(f"{view.__module__}.{view.__name__}"):
            raise AssertionError(
                f"{view.__name__}'s module {view.__module__!r} is not permitted by"
                f" LIVEVIEW_ALLOWED_MODULES: djust mounts views of"
                f" {say(allowed_modules())}. Add {view.__module__!r} to the setting."
            )


def _is_part(expected: object, found: object) -> bool:
    return expected is None or matches(expected, found, partial=True)


def _inserts(operation: Mapping[str, Any], stream: str | None = None) -> bool:
    is_insert = operation["type"] == "stream_insert"
    return is_insert and stream in {None, operation["stream"]}
