"""What a communicator shows, and what a subclass puts in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    shown = property
else:

    class shown(property):  # noqa: N801 - as property is
        """
        A property that an attribute of the same name replaces.

        Subclasses set attributes of their own, whatever this package calls
        what it shows; nothing of it reads them.
        """

        def __set_name__(self, owner, name):
            self._name = name

        def __get__(self, owner, kind=None):
            own = {} if owner is None else vars(owner)
            return own[self._name] if self._name in own else super().__get__(owner)

        def __set__(self, owner, value):
            if self.fset is None:
                vars(owner)[self._name] = value
            else:
                super().__set__(owner, value)

        def __delete__(self, owner):
            del vars(owner)[self._name]


_PACKAGE = __name__.partition(".")[0]


def is_overridden(communicator: object, name: str) -> bool:
    """Tell whether a subclass, or a patch, has replaced a call of the kit."""
    if name in vars(communicator):
        return True
    call: Any = getattr(type(communicator), name)
    module = getattr(call, "__module__", None) or ""
    return module.partition(".")[0] != _PACKAGE
