"""Frames that are not as ``frame_schema`` and ``sent_frame_schema`` say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ImproperlyConfigured

from channels_testkit.asgi.frame_schemas import schema_of
from channels_testkit.asgi.schema_kinds import (
    MismatchError,
    NotASchemaError,
    lines_of,
)
from channels_testkit.asgi.transcript import describe_payload
from channels_testkit.exceptions import FrameError
from channels_testkit.matching.wording import first_lines, say

if TYPE_CHECKING:
    from typing import Any

    from channels_testkit.asgi.environment import Environment
    from channels_testkit.asgi.transcript import Transcript

__unittest = True

#: Of what else is wrong in a frame, how much is shown.
_MOST_LINES = 5
_WAYS_OUT = {
    "frame_schema": (
        "If the frame is right, correct the schema. For a connection without a schema,"
        " give frame_schema=None."
    ),
    "sent_frame_schema": (
        "To send it anyway, connect with sent_frame_schema=None, or use"
        " send_input({'type': 'websocket.receive', 'text': ...})."
    ),
}


class WrongFrame:
    """A frame that is not as its schema says, and what failures say of it."""

    def __init__(
        self, option: str, given: Any, payload: str | bytes, found: MismatchError
    ) -> None:
        self._option = option
        self._given = given
        self._payload = payload
        self._mismatches = found.mismatches
        #: What a package, or a function of the test, has raised.
        self.cause = found.__cause__

    def failure(
        self, whose: str, sent_by: str, transcript: Transcript | None = None
    ) -> FrameError:
        """
        Return the failure about it, where ``whose`` frame it is.

        Without a transcript it is one of a real server.
        """
        first, *others = self._mismatches
        path = first.path if first.path != "$" else ""
        parts = [
            f"{whose} breaks {self._option}{path and f' at {path}'}: {first.reason}."
            f"{sent_by}",
            f"Frame:  {_in_a_line(self._payload)}\n"
            f"Schema: {schema_of(self._given).name}",
            "\n".join(["Also wrong:", *_listed(lines_of(others))] if others else []),
            "" if transcript is None else _WAYS_OUT[self._option],
            str(transcript or ""),
        ]
        text = "\n\n".join(part for part in parts if part)
        return FrameError(text, self._option, first.path)


def wrong_frame(
    environment: Environment, option: str, payload: str | bytes
) -> WrongFrame | None:
    """Return what is wrong with a frame, or None where nothing is asked."""
    given = getattr(environment, option)
    if given is None:
        return None
    try:
        schema_of(given).check(payload, environment.wire)
    except NotASchemaError as error:
        # It was given while the test ran.
        raise ImproperlyConfigured(f"{option} {error}") from None
    except MismatchError as found:
        return WrongFrame(option, given, payload, found)
    return None


def _in_a_line(payload: str | bytes) -> str:
    return describe_payload(payload) if isinstance(payload, str) else say(payload)


def _listed(lines: list[str]) -> list[str]:
    return [f"  {line}" for line in first_lines(lines, most=_MOST_LINES)]
