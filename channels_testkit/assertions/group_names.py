"""The names of groups, which a test may know by a model instance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured
from django.db.models import Model

from channels_testkit.matching.wording import say
from channels_testkit.workers.messages import group_name

from .in_run import InRun

if TYPE_CHECKING:
    from channels_testkit.workers.messages import GroupGiven

__unittest = True


class GroupNames(InRun):
    """What tells the name of a group that is given by a model instance."""

    def get_group_name(self, obj: Any) -> str:
        """
        Return the name of the group that a model instance stands for.

        Override it, and assertions about groups take instances: in
        ``assertGroupSent(room, {...})`` it is given the room. Raises
        ``ImproperlyConfigured`` unless it is overridden.

        Example::

            self.get_group_name = lambda user: f"user-{user.username}"
            Group("user-ann").send({"type": "notify"})
            self.assertGroupSent(User(username="ann"), {"type": "notify"})
        """
        kind = type(obj).__name__
        raise ImproperlyConfigured(
            f"{type(self).__name__} does not know the group of {say(obj)}: override"
            f" get_group_name(self, obj), which returns the name for a {kind}, or give"
            " the name."
        )

    def _group_name(self, group: GroupGiven) -> str:
        """Return the name of a group, however it is given."""
        __tracebackhide__ = True
        if not isinstance(group, Model):
            return group_name(group)
        name: object = self.get_group_name(group)
        if isinstance(name, str):
            return name
        raise TypeError(
            f"get_group_name({say(group)}) is to return the name of a group, a str, not"
            f" {say(name)}."
        )
