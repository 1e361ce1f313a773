"""What is put in place for a block: under a name, or around the queries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.backends.base.base import BaseDatabaseWrapper


class Patch:
    """
    Replaces what a class or module has itself under a name, for a block.

    Every test enters a dozen of them, and ``unittest.mock`` takes ten times
    as long for each. Raises ``KeyError`` for a name that is inherited or new.
    """

    __slots__ = ("_before", "_name", "_target", "_value")

    def __init__(self, target: Any, name: str, value: object) -> None:
        self._target = target
        self._name = name
        self._value = value

    def __enter__(self) -> None:
        # As it stands there: what would be bound when it is read is not.
        self._before: object = vars(self._target)[self._name]
        setattr(self._target, self._name, self._value)

    def __exit__(self, *exc_info: object) -> None:
        setattr(self._target, self._name, self._before)


class OwnAttribute(Patch):
    """
    Gives an object an attribute of its own, before its class's, for a block.

    What it had itself under the name is put back.
    """

    __slots__ = ()

    def __enter__(self) -> None:
        self._before = vars(self._target).get(self._name)
        setattr(self._target, self._name, self._value)

    def __exit__(self, *exc_info: object) -> None:
        if self._before is None:
            delattr(self._target, self._name)
        else:
            setattr(self._target, self._name, self._before)


class StandIn:
    """Passes on to an object all but what a subclass does by itself."""

    def __init__(self, real: Any) -> None:
        vars(self)["real"] = real

    def __getattr__(self, name: str) -> Any:
        return getattr(vars(self)["real"], name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(vars(self)["real"], name, value)


class WrappedQueries:
    """
    Calls a wrapper around each query of a connection, for a block.

    Django's own ``execute_wrapper()`` takes the last one away at the end,
    which may be one of the test. The test may also have cleared them all.
    """

    __slots__ = ("_connection", "_wrapper")

    def __init__(
        self, connection: BaseDatabaseWrapper, wrapper: Callable[..., Any]
    ) -> None:
        self._connection = connection
        self._wrapper = wrapper

    def __enter__(self) -> None:
        self._connection.execute_wrappers.append(self._wrapper)

    def __exit__(self, *exc_info: object) -> None:
        if self._wrapper in self._connection.execute_wrappers:
            self._connection.execute_wrappers.remove(self._wrapper)
