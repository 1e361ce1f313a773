"""``assertMaxQueries()``: how many queries a block, or an event, may make."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Literal

from django.db import connections

from channels_testkit.asgi.recorder import HANDLING, Handling, handling_followers
from channels_testkit.engine.places import calling_function
from channels_testkit.engine.recorded import is_of_a_block, query_followers
from channels_testkit.layers.aliases import is_captive
from channels_testkit.layers.recorded import taking_followers
from channels_testkit.matching.wording import listed, say

from .budget_failures import Query, block_over, event_over, receivers_over
from .in_run import InRun
from .verdicts import with_message
from .with_statement import check_entered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from channels_testkit.layers.sent import Message, Sent
    from channels_testkit.running.run import TestRun

    from .budget_failures import Counted

__unittest = True

#: What a budget is for: one event, one receiver of a broadcast, or the block.
Per = Literal["event", "receiver"] | None

_LIVE = (
    "assertMaxQueries() sees no queries of a live server whose threads have"
    " connections of their own: use RollbackLiveServerTestCase, where all share one,"
    " or test the consumer in a WebsocketTestCase."
)
_REAL_LAYER = (
    "assertMaxQueries(per='receiver') follows messages on captive layers, and this"
    " test has real ones: use per='event', or test it in a WebsocketTestCase."
)
_NO_EVENT = (
    "No consumer handled an event in the block, so no query was counted.\n\n"
    "Without per=, the queries of views and of the test count as well."
)
_NO_RECEIVER = (
    "No consumer got a message to a group in the block, so no query was counted.\n\n"
    "Queries for frames, and for messages to a single channel, count with per='event'."
)


class Followed:
    """What a block has seen: events, the messages behind them, and queries."""

    def __init__(self, using: str | None) -> None:
        self._using = using
        self.queries: list[Query] = []
        self.events: list[Handling] = []
        # With the message, so that nothing else gets its id.
        self._taken: dict[int, tuple[int, Message]] = {}

    @contextlib.contextmanager
    def following(self) -> Iterator[None]:
        """Take note of them, for a block."""
        lists: Any = (query_followers, taking_followers, handling_followers)
        notes: Any = (self._note_query, self._note_taken, self.events.append)
        pairs = list(zip(lists, notes, strict=True))
        for followers, note in pairs:
            followers.append(note)
        try:
            yield
        finally:
            for followers, note in pairs:
                followers.remove(note)

    def _note_query(self, alias: str, sql: str) -> None:
        if self._using in {None, alias} and not is_of_a_block(sql):
            query = Query(HANDLING.get(), alias, sql, *calling_function())
            self.queries.append(query)

    def _note_taken(self, sequence: int, message: Message) -> None:
        self._taken[id(message)] = sequence, message

    @property
    def counted(self) -> list[Counted]:
        """Each event, with the queries of what it has led to in the block."""
        # By identity: a message may be handled twice.
        found: dict[int, Counted] = {id(it): (it, []) for it in self.events}
        for query in self.queries:
            event = query.handling
            if event is not None:
                found.setdefault(id(event), (event, []))[1].append(query)
        return list(found.values())

    def sequence_of(self, event: Handling) -> int | None:
        """Return the number of the message on a layer that an event is of."""
        taken = self._taken.get(id(event.message))
        return None if taken is None else taken[0]


class QueryBudget:
    """The block of ``assertMaxQueries()``."""

    def __init__(
        self,
        run: TestRun,
        most: int,
        per: Per,
        using: str | None,
        fail: Callable[[str], object],
    ) -> None:
        self._run = run
        self._most = most
        self._using = using
        self._fail = fail
        self._judge = {
            None: self._judge_block,
            "event": self._judge_events,
            "receiver": self._judge_receivers,
        }[per]
        self._block = contextlib.ExitStack()
        self.was_entered = False

    def __enter__(self) -> None:
        self.was_entered = True
        self._run.ensure_rest()
        self._followed = Followed(self._using)
        self._block.enter_context(self._followed.following())

    def __exit__(self, kind: object, *exc_info: object) -> None:
        __tracebackhide__ = True
        with self._block:
            if kind is None:
                self._run.ensure_rest()
        if kind is not None:
            return
        is_live = any(event.actor.is_live for event in self._followed.events)
        if is_live and self._run.options.commits:
            raise RuntimeError(_LIVE)
        failure = self._judge()
        if failure:
            self._fail(failure)

    def _judge_block(self) -> str:
        queries = self._followed.queries
        return block_over(queries, self._most) if len(queries) > self._most else ""

    def _judge_events(self) -> str:
        counted = self._followed.counted
        over = [it for it in counted if len(it[1]) > self._most]
        if over:
            return event_over(over, self._most)
        return "" if counted else _NO_EVENT

    def _judge_receivers(self) -> str:
        sent = self._sent_to_groups()
        received: dict[int, list[Counted]] = {}
        for event, queries in self._followed.counted:
            sequence = self._followed.sequence_of(event)
            if sequence is not None and sequence in sent:
                received.setdefault(sequence, []).append((event, queries))
        if not received:
            return _NO_RECEIVER
        for sequence, receivers in received.items():
            if any(len(queries) > self._most for _, queries in receivers):
                return receivers_over(sent[sequence], receivers, self._most)
        return ""

    def _sent_to_groups(self) -> dict[int, Sent]:
        layers = self._run.layers.values()
        return {
            sent.sequence: sent
            for layer in layers
            for sent in layer.sent
            if sent.group is not None
        }


class QueryAssertions(InRun):
    """Assertions about the queries of the application."""

    failureException: type[BaseException]

    def assertMaxQueries(
        self,
        num: int,
        *,
        per: Per = None,
        using: str | None = None,
        msg: object = None,
    ) -> contextlib.AbstractContextManager[None]:
        """
        Assert that a ``with`` block makes no more than ``num`` queries.

        Without ``per`` the limit is for the whole block, the test's own
        queries included. With ``per="event"`` it is for each event that a
        consumer handles: a frame, a message, a connect. The queries of what a
        handler starts, such as a task, count for its event. With
        ``per="receiver"`` it is for each consumer that a message to a group
        reaches: this finds queries that a broadcast repeats for every member.

        Queries on all databases count, or only those on ``using``. The
        statements that begin and end an ``atomic()`` block do not count.

        Fails after the block, also if ``per`` found no event, or no receiver,
        in it. Raises ``ValueError`` for another ``per``, for
        a negative number and for a database that the test may not use, and
        ``RuntimeError`` for events of a live server that commits and, with
        receivers, on real layers.

        Example::

            ann, ben = self.connect_many(2, "/ws/room/1/")
            with self.assertMaxQueries(1, per="event"):
                ann.send_json({"note": "tea is ready"})
            with self.assertMaxQueries(0, per="receiver"):
                ann.send_json({"note": "cake is ready"})
        """
        run = self._kit
        _check(num, per, using)
        _check_database(run, using)
        if per == "receiver" and not all(map(is_captive, run.layers.values())):
            raise RuntimeError(_REAL_LAYER)

        def fail(text: str) -> None:
            __tracebackhide__ = True
            raise self.failureException(with_message(text, msg))

        block = QueryBudget(run, num, per, using, fail)
        check_entered(run, "assertMaxQueries", lambda: block.was_entered)
        return block


def _check(num: object, per: object, using: object) -> None:
    if isinstance(num, bool) or not isinstance(num, int):
        raise TypeError(
            f"assertMaxQueries() takes a number of queries, not {say(num)}."
        )
    if num < 0:
        raise ValueError(f"assertMaxQueries({num}): give a number of 0 or more.")
    if per not in (None, "event", "receiver"):
        raise ValueError(
            f"assertMaxQueries(per=...) is 'event', 'receiver' or None, not {say(per)}."
        )


def _check_database(run: TestRun, using: str | None) -> None:
    known = [alias for alias in connections if alias in run.database]
    if using is not None and using not in known:
        raise ValueError(
            f"assertMaxQueries(using={say(using)}): the databases of this test are"
            f" {listed(known)}."
        )
