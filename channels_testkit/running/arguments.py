"""Mixed-up arguments: refused at once, with the call that is right."""

from __future__ import annotations

import inspect
import itertools
import re
from collections.abc import Collection, Coroutine, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from channels_testkit.matching.wording import say, shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__unittest = True

_WIDTH = 60


class ArgumentKind(NamedTuple):
    """
    What an argument has to be.

    ``words`` name it, with an article. If ``item`` is another kind, the value
    is a collection of that, or an iterator, whose items are not checked.
    """

    words: str
    fits: Callable[[Any], bool] = bool
    item: ArgumentKind | None = None

    def takes(self, value: Any) -> bool:
        """Tell whether a value is one."""
        if self.item is None:
            return self.fits(value)
        if isinstance(value, (str, bytes)) or self.item.takes(value):
            return False
        return isinstance(value, Iterator) or (
            isinstance(value, Collection) and all(map(self.item.takes, value))
        )

    def made_of(self, value: Any) -> list[Any]:
        """Return what it takes of a value, in a list, or an empty list."""
        if self.takes(value):
            return [value]
        return [[value]] if self.item is not None and self.item.takes(value) else []


def is_connection(value: object) -> bool:
    """Tell a client or a communicator, by what all of them have."""
    return has_attribute(value, "transcript") and has_attribute(value, "label")


def has_attribute(value: object, name: str) -> bool:
    """Tell whether an object has an attribute, which is not read for that."""
    return inspect.getattr_static(value, name, None) is not None


#: Whatever is expected: the test may expect anything but a connection.
PAYLOAD = ArgumentKind("a payload", lambda value: not is_connection(value))


#: A text, such as a selector; or None, where it may be left out.
TEXT = ArgumentKind("a str", lambda value: isinstance(value, str))
TEXT_OR_NONE = ArgumentKind("a str", lambda it: it is None or isinstance(it, str))


def check_arguments(
    owner: object, call: str, names: str, *arguments: tuple[ArgumentKind, object]
) -> None:
    """
    Raise ``TypeError`` unless each argument is of its kind.

    The text has the call with the same arguments in their right order, or in a
    list, where that makes it right. ``names`` are those of the parameters.
    """
    __tracebackhide__ = True
    wrong = [(kind, value) for kind, value in arguments if not kind.takes(value)]
    if not wrong:
        return
    kind, value = wrong[0]
    text = f"{call}({names}): {in_words(value)} is not {kind.words}."
    if isinstance(value, Coroutine):
        value.close()
        raise TypeError(f"{text} It was not awaited: write 'await' before it.")
    right = _right_order(*zip(*arguments, strict=True))
    if right is not None:
        owner_in_tests = getattr(owner, "_name_in_tests", "self")
        while right[-1] is None:
            right.pop()
        code = map(_in_code, right, names.split(", "))
        text += f" Write {owner_in_tests}.{call}({', '.join(code)})."
    raise TypeError(text)


def _right_order(
    kinds: Sequence[ArgumentKind], values: Sequence[object]
) -> list[object] | None:
    """Return the values as the kinds want them, in whatever order."""
    for order in itertools.permutations(values):
        made = [kind.made_of(it) for kind, it in zip(kinds, order, strict=True)]
        if all(made):
            return [value for (value,) in made]
    return None


def in_words(value: Any) -> str:
    """Return a value as a sentence has it."""
    if is_connection(value):
        return shorten(str(value.label))
    return _in_code(value)


def _in_code(value: object, name: str = "") -> str:
    """Return a value as a test may have it: its code, or else ``name``."""
    if is_connection(value):
        return word_for(value)
    if isinstance(value, list) and any(map(is_connection, value)):
        return shorten(f"[{', '.join(map(_in_code, value))}]", _WIDTH)
    code = say(value, _WIDTH)
    return name if name and code.startswith("<") else code


def word_for(value: object) -> str:
    """Return the name that a test may have for an object of the kit."""
    # "communicator" for a WebsocketCommunicator, "client" for a WSClient.
    words: list[str] = re.findall("[A-Z][a-z]+", type(value).__name__)
    return words[-1].lower() if words else "..."
