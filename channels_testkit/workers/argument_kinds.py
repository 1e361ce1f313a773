"""The arguments of calls about channels and groups."""

from __future__ import annotations

from django.db.models import Model

from channels_testkit.running.arguments import ArgumentKind, has_attribute

from .messages import Channel, Group


def _is_member(value: object) -> bool:
    # A client that is not connected has no channel yet: another failure.
    return isinstance(value, (str, Channel)) or has_attribute(value, "channel_name")


CHANNEL = ArgumentKind("a channel", _is_member)
#: A model instance stands for a group if the test knows its name.
GROUP = ArgumentKind("a group", lambda value: isinstance(value, (str, Group, Model)))
MEMBER = ArgumentKind("a connection or channel", _is_member)
MEMBERS = ArgumentKind("a list of connections or channels", item=MEMBER)
