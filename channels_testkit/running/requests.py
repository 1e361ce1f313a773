"""Requests of Django's test clients, and what comes after each."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Protocol

from django.test import AsyncClient, Client

from channels_testkit.engine.patches import Patch
from channels_testkit.timeline.recording import record
from channels_testkit.timeline.story import TEST, VIEWS

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from channels_testkit.timeline.story import Story


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
        method, path = request.get("REQUEST_METHOD"), request.get("PATH_INFO")
        record(None, request_sent, method, path)
        try:
            response = send_request(client, **request)
        finally:
            record(None, response_came, getattr(response, "status_code", None))
            run.rest_after_request(has_failed=response is None)
        return response

    return Patch(Client, "request", request)


def _recorded(send_request: Callable[..., Any]) -> Callable[..., Any]:
    """Return the request of an async client, which the timeline shows."""

    async def request(client: AsyncClient, **request: Any) -> Any:
        response = None
        record(None, request_sent, request.get("method"), request.get("path"))
        try:
            response = await send_request(client, **request)
        finally:
            record(None, response_came, getattr(response, "status_code", None))
        return response

    return functools.wraps(send_request)(request)


# For good: nothing follows it, and between tests it does nothing more.
AsyncClient.request = _recorded(AsyncClient.request)  # type: ignore[method-assign]


def request_sent(story: Story, method: str | None, path: str | None) -> None:
    """Tell that the test sends a request."""
    story.add("request", f"-> {method or 'GET'} {path or '/'}", target=VIEWS)


def response_came(story: Story, status: int | None) -> None:
    """Tell what has come of a request."""
    came = "no response" if status is None else status
    story.add("request", f"<- {came}", source=VIEWS, target=TEST)
