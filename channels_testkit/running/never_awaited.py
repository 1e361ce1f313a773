"""Coroutines of the application that were never awaited."""

from __future__ import annotations

import contextlib
import gc
import inspect
import os
import warnings
from types import CoroutineType, FrameType
from typing import TYPE_CHECKING, Any, NamedTuple

import channels
from asgiref.sync import SyncToAsync

from channels_testkit.engine import places, pools, private
from channels_testkit.engine.origins import CallersKept
from channels_testkit.engine.patches import Patch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from channels_testkit.engine.errors import ApplicationErrors
    from channels_testkit.engine.places import Line

#: Where a consumer is called from.
_CHANNELS = os.path.dirname(channels.__file__) + os.sep


class NeverAwaited:
    """
    Reports forgotten coroutines: those that are dropped, and those kept.

    One line that forgets several of them is one failure.
    """

    def __init__(self, errors: ApplicationErrors) -> None:
        self._errors = errors
        self._reported: dict[tuple[str, str], tuple[AssertionError, int]] = {}
        #: Coroutines that are not to be reported, by the id of each. As they
        #: are kept here, no other one has the same.
        self._ignored: dict[int, object] = {}

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """See, for a block, the coroutines that Python at best warns of."""
        name = private.UNAWAITED_HOOK
        warn: Callable[[Any], None] = getattr(warnings, name)

        def see(coroutine: Any) -> None:
            if id(coroutine.cr_origin) in self._ignored:
                self._ignore(_arguments(coroutine))
            elif _is_of_application(coroutine) or _is_of_kit(coroutine):
                self._ignore(_arguments(coroutine))
                is_async = private.running_loop() is not None
                self._tell(_Forgotten.of(coroutine, is_async=is_async))
            elif coroutine.cr_origin:
                _warn(coroutine)
            else:
                warn(coroutine)

        with Patch(warnings, name, see), CallersKept():
            yield

    def look(self, made: Iterable[Any]) -> None:
        """Report and close those that are kept: no code awaits them."""
        kept = list(filter(self._is_forgotten, made))
        for coroutine in kept:
            self._ignore(_arguments(coroutine))
        for coroutine in kept:
            is_excused = id(coroutine.cr_origin) in self._ignored
            if not (is_excused or self._has_reason(coroutine)):
                self._tell(_Forgotten.of(coroutine))
        for coroutine in kept:
            coroutine.close()

    def _is_forgotten(self, coroutine: Any) -> bool:
        origin = coroutine.cr_origin
        if origin is None or not _is_unstarted(coroutine):
            return False
        return not any(map(places.is_of_runner, (file for file, *_ in origin)))

    def _has_reason(self, coroutine: object) -> bool:
        """
        Tell whether there is a reason for not awaiting it.

        Its function may have been left by an exception, which is reported. Or
        a mock was called instead of the code that would have awaited it.
        """
        holders = gc.get_referrers(coroutine)
        if self._errors.has_recorded and any(
            isinstance(holder, FrameType) for holder in holders
        ):
            return True
        packed = [it for it in holders if type(it) in {dict, tuple}]
        return any(map(_is_of_mock, gc.get_referrers(*packed)))

    def _ignore(self, coroutines: Iterable[Any]) -> None:
        for coroutine in coroutines:
            origin = coroutine.cr_origin
            if origin is not None:
                self._ignored[id(origin)] = origin

    def _tell(self, forgotten: _Forgotten) -> None:
        key = forgotten.name, forgotten.place
        error, count = self._reported.get(key, (None, 0))
        if error is None or self._errors.expects(error):
            error, count = AssertionError(forgotten.text()), 0
            if not self._errors.record(error):
                return
        self._reported[key] = error, count + 1
        error.args = (forgotten.text(count + 1),)


def _is_of_application(coroutine: Any) -> bool:
    """Tell whose it is: a circle is dropped whenever Python likes to look."""
    origin = coroutine.cr_origin or ()
    is_of_consumer = any(file.startswith(_CHANNELS) for file, *_ in origin)
    return is_of_consumer or pools.is_of_application()


def _is_of_kit(coroutine: Any) -> bool:
    return places.is_of_kit(coroutine.cr_code.co_filename)


def _warn(coroutine: Any) -> None:
    """Warn as Python does, at the line that has made the coroutine."""
    file, line, _ = _from_project(coroutine.cr_origin)[0]
    warnings.warn_explicit(
        f"coroutine '{coroutine.__qualname__}' was never awaited",
        RuntimeWarning,
        file,
        line,
        source=coroutine,
    )


def _is_of_mock(found: object) -> bool:
    return type(found).__module__ == "unittest.mock"


def let_go_of_unawaited() -> None:
    """
    Close the coroutines that an interrupt has kept from being awaited.

    What keeps them is its traceback. The test in which that is dropped has
    made none of them.
    """
    for found in gc.get_objects():
        # isinstance() would make lazy objects of Django.
        if type(found) is CoroutineType and _is_unstarted(found):
            found.close()


def _is_unstarted(coroutine: Any) -> bool:
    return inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED


def _arguments(coroutine: Any) -> Iterator[Any]:
    """Yield the coroutines that another one was to await."""
    frame = coroutine.cr_frame
    for value in () if frame is None else tuple(frame.f_locals.values()):
        values = value if type(value) in {list, set, tuple} else (value,)
        for found in values:
            if type(found) is CoroutineType and _is_unstarted(found):
                yield found


class _Forgotten(NamedTuple):
    """What was called, and where, as far as Python has kept it."""

    name: str
    place: str
    advice: str

    @classmethod
    def of(cls, coroutine: Any, *, is_async: bool | None = None) -> _Forgotten:
        """Return what is known of one, and whether async code has made it."""
        name = _name(coroutine)
        callers: list[Line] = list(coroutine.cr_origin or ())
        if callers and places.is_of_kit(callers[0][0]):
            # A call of a layer has a function of its own, with the usual name.
            name = callers.pop(0)[2]
        last = name.rpartition(".")[2]
        name = last if _is_of_kit(coroutine) else name
        if not callers:
            return cls(name, "", "")
        if is_async is False and callers[0][0].startswith(_CHANNELS):
            advice = f": write 'def {last}(...)', or derive from an async consumer."
            return cls(name, "by a sync consumer, which awaits nothing, so", advice)
        steps = {
            True: f"Write 'await {last}(...)'.",
            False: f"In sync code write 'async_to_sync({last})(...)'.",
            None: f"Write 'await {last}(...)', or in sync code 'async_to_sync({last})"
            "(...)'.",
        }
        place = f"at {_place(_from_project(callers))} but never awaited, so"
        return cls(name, place, f". {steps[is_async]}")

    def text(self, count: int = 1) -> str:
        """Say that it was called, so many times, and not awaited."""
        times = "" if count == 1 else f" {count} times"
        place = self.place or "but never awaited, so"
        advice = self.advice or "."
        return f"{self.name}() was called{times} {place} it did nothing{advice}"


def _name(coroutine: Any) -> str:
    """Return what was called, also where asgiref was to call it."""
    called = coroutine
    if coroutine.cr_code is SyncToAsync.__call__.__code__:
        called = coroutine.cr_frame.f_locals["self"].func
    name: str = getattr(called, "__qualname__", coroutine.__qualname__)
    return name


def _from_project(callers: Sequence[Line]) -> Sequence[Line]:
    """Return the callers from the project's on, where that is among them."""
    first = places.first_of_project(callers)
    return callers if first is None else callers[callers.index(first) :]


def _place(callers: Sequence[Line]) -> str:
    """Return the line, and the function around a comprehension that has it."""
    file, line, _ = callers[0]
    names = [name for other, _, name in callers if other == file]
    function = next((it for it in names if not it.startswith("<")), names[0])
    return places.in_words((file, line, function))
