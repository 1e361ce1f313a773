"""Code that sends, whose lines docs/failures names."""

from __future__ import annotations

from channels_testkit import Group


def send(group: str, text: str) -> None:
    Group(group).send({"type": "chat.message", "text": text})
