"""``LiveOpClient``: what the page of an operation shows, asserted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from channels_broadcast.security import verify_subscription_token
from django.template.loader import get_template, render_to_string

from channels_testkit.asgi.environment import UNSET
from channels_testkit.asgi.receive_failures import nothing_came
from channels_testkit.matching import closest_name
from channels_testkit.matching.wording import listed, say, shorten

from .fragments import Page, Shows, in_words, parse
from .operation_page import OperationPage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from liveops.models import LiveOperation

    from channels_testkit.websocket.connection import WebsocketConnection

    from .fragments import Region, Wanted

__unittest = True

RESULT, STATUS = "op-result", "op-status"

_IN_WORDS = {
    "running": "a running operation",
    "result": "a result",
    "error": "an error",
    "cancelled": "a cancellation",
}
_FINAL_STATES = {
    "result": "FINISHED_OK",
    "error": "FINISHED_ERROR",
    "cancelled": "CANCELLED",
}


class LiveOpClient(OperationPage):
    """
    A browser that has the page of an operation open.

    It shows the operation's subscription token, made for ``user``, by default
    its owner; give ``token`` to show another. Without an operation it opens
    the page that lists them, which has no token. The options are those of
    ``self.connect()``. It is a ``WSClient`` that also swaps the fragments
    that come into a page, and asserts what the page shows.

    Assertions look at all frames that have come, read or not. In a sync test
    they may wait as a receive does; in an async test they do not wait.
    """

    def assert_snapshot(self, state: str) -> Region:
        """
        Assert what the operation shows to a new client; return the region.

        ``state`` is ``"running"``, ``"result"``, ``"error"`` or
        ``"cancelled"``. Only the snapshot that came with the handshake counts;
        on a real layer, which delivers later, the first one counts. Fails if
        it shows another state or an empty result, or if there is none.
        """
        __tracebackhide__ = True
        _check_state(state, _IN_WORDS)
        connection = self._settled()
        opened, count = self._opened or (None, None)
        if opened is not connection:
            raise RuntimeError(
                "assert_snapshot() looks at the snapshot that came with the handshake"
                " of connect(), aconnect() or reconnect(): open the connection with"
                " one of these."
            )
        page = self._page(count) if self._is_captive() else self._first_page()
        if _state_of(page) is None:
            raise self._failure(
                f"No snapshot came with the handshake of {self.label}.", _NO_SNAPSHOT
            )
        return self._check_outcome(page, state, f"The snapshot of {self.label}")

    def assert_region(
        self,
        region: str,
        contains: Wanted = None,
        *,
        ever: bool = False,
        empty: bool = False,
    ) -> Region:
        """
        Assert that a region of the page holds something; return it.

        ``contains`` is looked for in its text and its markup; what has a ``<``
        only in the markup. A regular expression may match anywhere. With
        ``ever`` the region may have held it at any time. Fails when the region
        is empty, unless ``empty`` says that it has to be.
        """
        __tracebackhide__ = True

        def found(page: Page) -> Region | None:
            now = [page.regions[region]] if region in page.regions else []
            held = page.history[region] if ever else now
            fitting = (r for r in held if r.is_empty == empty and r.holds(contains))
            return next(fitting, None)

        page = self._await_page(lambda page: found(page) is not None)
        shown = found(page)
        if shown is None:
            raise self._not_shown(page, region, contains, empty=empty)
        return shown

    def assert_result(self, contains: Wanted = None) -> Region:
        """Assert that the page shows a result; return the region."""
        __tracebackhide__ = True
        return self._assert_outcome("result", contains)

    def assert_error(self, contains: Wanted = None) -> Region:
        """Assert that the page shows an error; return the region."""
        __tracebackhide__ = True
        return self._assert_outcome("error", contains)

    def assert_cancelled(self) -> Region:
        """Assert that the page shows a cancellation; return the region."""
        __tracebackhide__ = True
        return self._assert_outcome("cancelled", None)

    def assert_finished(
        self, state: str, url: str | None = None, *, success_url: Any = UNSET
    ) -> Any:
        """
        Assert that the page got the message about the operation's end.

        ``state`` is ``"result"``, ``"error"`` or ``"cancelled"``, or liveops'
        own name for it. ``url`` is the operation's own, ``success_url`` is
        where a browser goes after a success. Returns the message.
        """
        __tracebackhide__ = True
        wanted = _FINAL_STATES.get(state, state)
        _check_state(wanted, {**_FINAL_STATES, **dict.fromkeys(_FINAL_STATES.values())})
        came = self._await_named("liveop_finished")
        if not came:
            raise self._nothing(
                "message about the operation's end", {"liveop_finished": dict}
            )
        fields = (("state", wanted), ("url", url), ("success_url", success_url))
        for name, expected in fields:
            is_asked = expected is not UNSET and (name, expected) != ("url", None)
            if is_asked and came[-1][name] != expected:
                raise self._failure(
                    f"The operation of {self.label} ended with {name}"
                    f" {say(came[-1][name])}, not {say(expected)}."
                )
        return came[-1]

    def assert_chained_to(self, operation: LiveOperation) -> Any:
        """
        Assert that the page was handed over to another operation.

        That takes its container, its channel, and a token that lets this user
        in. Returns the channel and the token, as a dict.
        """
        __tracebackhide__ = True
        came = self._await_named("liveop_chain")
        if not came:
            raise self._nothing("chain", {"liveop_chain": dict})
        chain, channel = came[-1], operation.get_channel_name()
        user = self.scope.get("user")
        if chain["channel"] != channel:
            raise self._failure(
                f"{self.label} was chained to {say(chain['channel'])}, not"
                f" {say(channel)}."
            )
        if channel not in verify_subscription_token(chain["token"], user):
            raise self._failure(
                f"{self.label} was chained to {say(channel)} with a token that does not"
                f" let {user} in."
            )
        if f"op-{operation.pk}" not in self._page().regions:
            raise self._failure(
                f"{self.label} was chained to {say(channel)} without its container."
            )
        return chain

    def assert_list_changed(self, count: int | None = None) -> int:
        """
        Assert that the user was told that the list of operations changed.

        Without ``count``, at least once. Returns how often.
        """
        __tracebackhide__ = True
        came = len(self._await_named("liveop_list_changed", count or 1))
        if count is not None and came != count:
            raise self._failure(
                f"{self.label} was told {_times(came)} that the list changed, not"
                f" {_times(count)}."
            )
        if count is None and not came:
            raise self._nothing(
                "message about a change of the list", {"liveop_list_changed": True}
            )
        return came

    def assert_denied(self) -> str:
        """
        Assert that the connection was denied, and saw no operation.

        Returns how: ``"rejected"`` if the handshake was refused, and
        ``"closed"`` if the connection was accepted and then closed, as liveops
        does with a token that it does not accept.
        """
        __tracebackhide__ = True
        connection = self._settled()
        if self._named("liveop_html"):
            raise self._failure(f"{self.label} was shown the operation.")
        if connection.state not in {"rejected", "closed"}:
            raise self._failure(f"{self.label} was not denied the connection.")
        return connection.state

    # How they check, and what they say.

    def _connected(self) -> WebsocketConnection:
        return self._driver.connected("An assertion about an operation")

    def _settled(
        self, has_come: Callable[[], bool] | None = None
    ) -> WebsocketConnection:
        """Return the connection at rest; wait where that can help."""
        self._run.ensure_rest()
        connection = self._connected()
        if has_come is not None and not self._run.is_async and not has_come():
            work = connection.until(has_come, self._run.receive_timeout)
            self._run_sync(work, "areceive_json", only_reads=True)
        return connection

    def _await_page(self, shows: Callable[[Page], bool]) -> Page:
        self._settled(lambda: shows(self._page()))
        return self._page()

    def _first_page(self) -> Page:
        """Return the page as the first snapshot made it, which may be late."""
        self._await_page(_has_state)
        pages = (self._page(count) for count in range(1, len(self._messages()) + 1))
        return next(filter(_has_state, pages), Page())

    def _await_named(self, name: str, count: int = 1) -> list[Any]:
        self._settled(lambda: len(self._named(name)) >= count)
        return self._named(name)

    def _assert_outcome(self, state: str, contains: Wanted) -> Region:
        __tracebackhide__ = True
        page = self._await_page(lambda page: RESULT in page.regions)
        if RESULT in page.regions:
            self._check_outcome(page, state, self.label)
        return self.assert_region(RESULT, contains)

    def _check_outcome(self, page: Page, state: str, what: str) -> Region:
        __tracebackhide__ = True
        found = str(_state_of(page))
        shown = page.regions[STATUS if found == "running" else RESULT]
        if shown.is_empty:
            raise self._failure(self._why_empty(shown.id))
        if found != state:
            raise self._failure(
                f"{what} shows {_IN_WORDS[found]}, not {_IN_WORDS[state]}.",
                f"It shows: {say(shown.text)}",
            )
        return shown

    def _not_shown(
        self, page: Page, region: str, contains: Wanted, *, empty: bool
    ) -> AssertionError:
        if region not in page.regions:
            meant = closest_name(region, page.regions)
            hint = f"\nDid you mean {meant!r}?" if meant else ""
            awaited = {"liveop_html": Shows(region, contains)}
            regions = f"Regions: {listed(page.regions)}.{hint}"
            return self._nothing(f"region {say(region)}", awaited, regions)
        shown = page.regions[region]
        if shown.is_empty and not empty:
            return self._failure(self._why_empty(region))
        wanted = "is not empty" if empty else f"does not hold {in_words(contains)}"
        evidence = f"It shows: {say(shown.text)}"
        if any(held.holds(contains) for held in page.history[region]) and not empty:
            evidence += (
                "\nIt held that before: ever=True looks at everything that it has held."
            )
        return self._failure(
            f"Region {say(region)} of {self.label} {wanted}.", evidence
        )

    def _why_empty(self, region: str) -> str:
        verdict = f"Region {say(region)} of {self.label} is empty."
        if region != RESULT or self.operation is None:
            return verdict
        template = self.operation.get_result_template_name()
        reason = self._why_not_rendered(self.operation, template)
        return (
            f"{verdict}\n\nliveops leaves it empty if rendering {template!r}"
            f" raises an exception.{reason}"
        )

    def _why_not_rendered(self, operation: LiveOperation, template: str) -> str:
        """Say what rendering raises now; an async test may not query."""
        context = {**(operation.result_context or {}), "operation": operation}
        try:
            if self._run.is_async:
                get_template(template)
            else:
                render_to_string(template, context)
        except Exception as error:  # noqa: BLE001 - told
            return f" Now it raises {type(error).__name__}: {shorten(str(error))}"
        return ""

    def _nothing(
        self, what: str, awaited: Mapping[str, object], hint: str = ""
    ) -> AssertionError:
        """Return the failure of what waits for a message, and gets none."""
        if not self._run.is_async:
            timeout, call = self._run.receive_timeout, _WAIT
            return nothing_came(self._connected(), what, timeout, call=call, hint=hint)
        ((name, value),) = awaited.items()
        shown = value.__name__ if isinstance(value, type) else say(value)
        wanted = f"{{{say(name)}: {shown}}}"
        call = f'write "await client.areceive_until({wanted}, partial=True)".'
        return nothing_came(self._connected(), what, None, call=call, hint=hint)

    def _failure(self, verdict: str, evidence: str = "") -> AssertionError:
        parts = (verdict, evidence, str(self._connected().transcript))
        return AssertionError("\n\n".join(part for part in parts if part))


_WAIT = "set receive_timeout on the test case."
_NO_SNAPSHOT = (
    "liveops sends one to a client whose token is for an operation in the database."
)


def _state_of(page: Page) -> str | None:
    """Return which state a page shows, as liveops marks it."""
    if RESULT not in page.regions:
        return "running" if STATUS in page.regions else None
    children = parse(page.regions[RESULT].html)
    marks = children[0].classes if children else set()
    if marks & {"cancelled", "op-cancelled"}:
        return "cancelled"
    return "error" if "error" in marks else "result"


def _has_state(page: Page) -> bool:
    return _state_of(page) is not None


def _check_state(state: str, known: dict[str, Any]) -> None:
    if state not in known:
        raise ValueError(f"A state is one of {', '.join(known)}, not {say(state)}.")


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
