"""Requests of Django's test client, and what comes after each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from django.test import Client

from channels_testkit.engine.patches import Patch

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


class Following(Protocol):
    """The run whose test makes requests."""

    def look_before_work(self) -> None:
        """Look, in a sync test, before the application is given something."""

    def rest_after_request(self, *, has_failed: bool) -> None:
        """Come to rest, unless this code runs while the loop does."""


def followed_requests(run: Following) -> AbstractContextManager[object]:
    """Let a run see each request before it is made and after, for a block."""
    send_request = Client.request

    def request(client: Client, **request: Any) -> Any:
        run.look_before_work()
        response = None
        try:
            response = send_request(client, **request)
        finally:
            run.rest_after_request(has_failed=response is None)
        return response

    return Patch(Client, "request", request)
