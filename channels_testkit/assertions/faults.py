"""``layer_faults()``: a layer that loses, repeats and delays messages."""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING, NoReturn

from channels.layers import channel_layers

from channels_testkit.engine.numbers import next_number
from channels_testkit.layers.aliases import DEFAULT, captive_layer, is_captive
from channels_testkit.layers.fault_blocks import LateMessage, with_faults
from channels_testkit.layers.fault_failures import summary, too_few
from channels_testkit.layers.faults import Choice, Faults
from channels_testkit.layers.swapping import is_in_place, layer_now
from channels_testkit.matching.wording import say
from channels_testkit.running.arguments import check_arguments
from channels_testkit.workers.argument_kinds import CHANNEL, GROUP
from channels_testkit.workers.messages import channel_name

from .fault_arguments import FaultsWanted
from .group_names import GroupNames
from .with_statement import check_entered

if TYPE_CHECKING:
    import asyncio

    from channels_testkit.layers.captive import CaptiveChannelLayer
    from channels_testkit.layers.faults import HowMany
    from channels_testkit.layers.sent import FaultKind, LayerFault
    from channels_testkit.running.run import TestRun
    from channels_testkit.workers.messages import ChannelGiven, GroupGiven

    from .fault_arguments import Raised

__unittest = True


class LayerFaults:
    """
    The block of ``layer_faults()``, and what it has done.

    ``lost``, ``duplicated``, ``delayed`` and ``failed`` are lists of
    ``LayerFault``, in order; ``str()`` lists them all.

    Example::

        ann, ben = self.connect_many(2, "/ws/room/1/")
        with self.layer_faults(lose=1, channel=ben) as faults:
            ann.send_json({"id": 1})
        self.assertEqual([it.group for it in faults.lost], ["room-1"])
        self.assertReceivesJson(ann, {"id": 1})
        self.assertReceivesNothing(ben)
    """

    def __init__(
        self,
        run: TestRun,
        layer: CaptiveChannelLayer,
        wanted: FaultsWanted,
        failure: type[BaseException],
    ) -> None:
        self._run = run
        self._layer = layer
        self._wanted = wanted
        self._failure = failure
        self._faults = Faults(
            wanted.choices(),
            group=wanted.group,
            channel=wanted.channel,
            hold=self._hold,
            make_error=self._make_error,
            on_fault=run.outside.stir,
        )
        self._waited = ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._held: list[LateMessage] = []
        self._on_their_way: list[LateMessage] = []
        self._was_entered = False
        check_entered(run, "layer_faults", lambda: self._was_entered, call=wanted.call)

    @property
    def lost(self) -> list[LayerFault]:
        """The deliveries that were lost."""
        return self._done("lost")

    @property
    def duplicated(self) -> list[LayerFault]:
        """The deliveries that were made twice."""
        return self._done("duplicated")

    @property
    def delayed(self) -> list[LayerFault]:
        """The deliveries that came later, or are still to come."""
        return self._done("delayed")

    @property
    def failed(self) -> list[LayerFault]:
        """The calls of ``send()`` and ``group_send()`` that have raised."""
        return self._done("failed")

    def _done(self, kind: FaultKind) -> list[LayerFault]:
        self._run.ensure_rest()
        return [fault for fault in self._faults.done if fault.kind == kind]

    def __str__(self) -> str:
        return summary(self._wanted.call, self._faults.done)

    def __repr__(self) -> str:
        return f"<{self._wanted.call}: {len(self._faults.done)} faults>"

    # The block.

    def __enter__(self) -> LayerFaults:
        if self._run.is_async and self._wanted.is_held:
            raise RuntimeError(
                "layer_faults(delay=...) without by= delivers late messages at the end"
                " of the block: in an async test write 'async with"
                f" {self._run.options.called}.layer_faults(...)'."
            )
        self._run.ensure_rest()
        return self._begin()

    def __exit__(self, kind: object, *exc_info: object) -> None:
        __tracebackhide__ = True
        is_cut = kind is not None or self._run.has_left
        try:
            if not is_cut:
                self._wait()
        except BaseException:
            is_cut = True
            raise
        finally:
            held = self._end()
            for late in held if is_cut else ():
                late.come()
        if held and not is_cut:
            self._run.run_in_sync_test(_bring(held), "layer_faults")
        if kind is None:
            self._judge()

    async def __aenter__(self) -> LayerFaults:
        await self._run.await_rest()
        return self._begin()

    async def __aexit__(self, kind: object, *exc_info: object) -> None:
        __tracebackhide__ = True
        try:
            if kind is None:
                await self._run.rest.wait()
        finally:
            await _bring(self._end())
        if kind is None:
            await self._run.await_rest()
            self._judge()

    def _begin(self) -> LayerFaults:
        if self._was_entered:
            raise RuntimeError(
                f"This block of {self._wanted.call} was entered before: call"
                " layer_faults() again for another one."
            )
        self._was_entered = True
        if self._wanted.by is not None:
            # That of a thread which sends may end before the message comes.
            self._loop = self._run.bridge.loop
        self._since = next_number()
        self._asking = with_faults(self._layer, self._faults)
        self._asking.__enter__()
        return self

    def _wait(self) -> None:
        """Come to rest; what a server does may take a moment."""
        self._run.ensure_rest()
        faults = self._faults
        if not faults.are_complete:
            self._waited = self._run.outside.wait(lambda: faults.are_complete)

    def _end(self) -> list[LateMessage]:
        """End the faults; return what comes now."""
        self._asking.__exit__(None, None, None)
        if self._faults.done:
            self._run.outside.remarks.append(self)
        held, self._held = self._held, []
        return held

    def _judge(self) -> None:
        """Raise what went wrong in the block; fail where it did nothing."""
        __tracebackhide__ = True
        if not self._run.has_left:
            self._run.ensure_rest()
        for choice in self._faults.choices.values():
            if choice.error is not None and not self._run.errors.knows(choice.error):
                raise choice.error
            # Which deliveries there are depends on the schedule.
            is_chance = choice.is_share and self._run.options.schedule is not None
            if not (choice.is_complete or is_chance or self._run.failure):
                self._fail(choice)

    def _fail(self, choice: Choice) -> NoReturn:
        __tracebackhide__ = True
        sent = [it for it in self._layer.sent if it.sequence > self._since]
        text = too_few(self._wanted.call, self._faults, choice, sent)
        raise self._failure(f"{text}{self._waited}")

    def clean_up(self) -> None:
        """Drop late messages."""
        for late in self._on_their_way:
            late.cancel()

    # What the layer calls.

    def _hold(self, fault: LayerFault, copies: int) -> None:
        late = LateMessage(self._layer, fault, copies)
        if self._wanted.by is None:
            self._held.append(late)
            return
        self._on_their_way.append(late)
        late.come_in(self._wanted.by, None if self._run.has_left else self._loop)

    def _make_error(self) -> BaseException:
        raised = self._wanted.raised
        if isinstance(raised, BaseException):
            return raised
        kind = raised or _error_of_server(self._layer.alias)
        return kind(f"The channel layer fails, because of {self._wanted.call}.")


def _layer_that_fails(alias: str) -> CaptiveChannelLayer:
    """Return the captive layer of an alias; refuse a real one."""
    __tracebackhide__ = True
    if is_in_place(alias) and not is_captive(layer_now(alias)):
        raise ValueError(
            f"layer_faults(): channel layer {say(alias)} is a real one in this test,"
            " and what its server does cannot be changed: move the test to a class with"
            " captive layers."
        )
    return captive_layer(alias)


async def _bring(held: list[LateMessage]) -> None:
    for late in held:
        late.come()


def _error_of_server(alias: str | None) -> type[BaseException]:
    """Return what the layer of an alias raises when its server is gone."""
    config = (channel_layers.configs or {}).get(str(alias), {})
    is_redis = str(config.get("BACKEND", "")).startswith("channels_redis.")
    # A captive layer stands in for one whose package need not be there.
    if not (is_redis and importlib.util.find_spec("redis")):
        return ConnectionError
    kind: type[Exception] = importlib.import_module("redis.exceptions").ConnectionError
    return kind


class FaultMethods(GroupNames):
    """Faults of a channel layer."""

    failureException: type[BaseException]

    def layer_faults(
        self,
        *,
        lose: HowMany | None = None,
        duplicate: HowMany | None = None,
        delay: HowMany | None = None,
        error: HowMany | Raised | None = None,
        group: GroupGiven | None = None,
        channel: ChannelGiven | None = None,
        by: float | None = None,
        raises: Raised | None = None,
        seed: int | None = None,
        alias: str = DEFAULT,
    ) -> LayerFaults:
        """
        Let the layer lose, repeat or delay messages, for a ``with`` block.

        ``lose``, ``duplicate`` and ``delay`` say how many deliveries: a number
        (the first ones), a share between 0.0 and 1.0, or a predicate that
        takes the message. A message to a group has one delivery for each
        receiver. ``error`` says the same of calls of ``send()`` and
        ``group_send()``. They raise ``raises``, by default the exception that
        the configured layer raises when its server is gone;
        ``error=ChannelFull`` makes every call raise that, which only
        ``send()`` can.

        ``group`` and ``channel`` limit the faults to their deliveries; a
        channel may be given by the connection that listens on it. A delayed
        message comes after ``by`` seconds, of virtual time if the test has it.
        Without ``by`` it comes at the end of the block, which in an async test
        is ``async with``. The same ``seed``, by default 0, makes the same
        choices by share.

        Fails at the end of the block if fewer deliveries than asked for have
        met the fault. Raises ``ValueError`` on a real layer, and ``TypeError``
        or ``ValueError`` for invalid arguments.

        Example::

            ann, ben = self.connect_many(2, "/ws/room/1/")
            with self.layer_faults(duplicate=1, group="room-1", channel=ben):
                ann.send_json({"id": 1})
            self.assertEqual(ben.receive_all_json(), [{"id": 1}, {"id": 1}])
        """
        __tracebackhide__ = True
        call = "layer_faults"
        if group is not None:
            check_arguments(self, call, "group", (GROUP, group))
        if channel is not None:
            check_arguments(self, call, "channel", (CHANNEL, channel))
        wanted = FaultsWanted(
            lose=lose,
            duplicate=duplicate,
            delay=delay,
            error=error,
            group=None if group is None else self._group_name(group),
            channel=None if channel is None else channel_name(channel),
            by=by,
            raises=raises,
            seed=seed,
            alias=alias,
            given_as=channel,
        )
        self._kit.refuse_elsewhere()
        layer = _layer_that_fails(alias)
        faults = LayerFaults(self._kit, layer, wanted, self.failureException)
        self._kit.add_cleanup(faults.clean_up)
        return faults
