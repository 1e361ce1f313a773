"""Requests of Django's test client, and what comes after each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.test import Client

from channels_testkit.engine.patches import Patch

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager


def followed_requests(
    follow: Callable[..., None],
) -> AbstractContextManager[object]:
    """Call ``follow(has_failed=...)`` after each request, for a block."""
    send_request = Client.request

    def request(client: Client, **request: Any) -> Any:
        response = None
        try:
            response = send_request(client, **request)
        finally:
            follow(has_failed=response is None)
        return response

    return Patch(Client, "request", request)
