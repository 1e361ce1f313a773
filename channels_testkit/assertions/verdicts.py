"""The message of a test's own, on the first line of a failure."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__unittest = True


def with_message(text: str, msg: object) -> str:
    """Put the user's message on the verdict's line, where it is read."""
    if msg is None:
        return text
    verdict, newline, evidence = text.partition("\n")
    return f"{verdict.removesuffix('.')} : {msg}{newline}{evidence}"


@contextlib.contextmanager
def saying(msg: object) -> Iterator[None]:
    """Put the message on the first line of what is raised inside."""
    try:
        yield
    except AssertionError as error:
        if msg is None:
            raise
        text = with_message(str(error), msg)
        raise type(error)(text) from error.__cause__
