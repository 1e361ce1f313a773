"""Frames of a live server, checked against the schemas of the test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from channels_testkit.asgi.breaches import sent_by
from channels_testkit.asgi.events import SEND
from channels_testkit.engine.origins import OWNER
from channels_testkit.websocket.connection import payload_of
from channels_testkit.websocket.schema_failures import wrong_frame

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    from channels_testkit.asgi.application import ASGIApplication, Event, Receive, Send
    from channels_testkit.running.run import TestRun

__unittest = True


class CheckedFrames:
    """
    An application of WebSockets whose frames are checked by a test's schemas.

    For a wrong frame of the application, ``send()`` raises the failure. One of
    a client, which is sent from no line of the test, is only reported.
    """

    def __init__(
        self,
        application: ASGIApplication,
        run: TestRun,
        report: Callable[[BaseException], None],
    ) -> None:
        #: Where the routes are looked for.
        self.application = application
        self._run = run
        self._report = report

    async def __call__(
        self, scope: MutableMapping[str, Any], receive: Receive, send: Send
    ) -> None:
        """Serve a connection."""
        path, has_gone = scope["path"], False

        async def checked_receive() -> Event:
            nonlocal has_gone
            event = await receive()
            if event["type"] == "websocket.receive":
                self._check("sent_frame_schema", event, f"The client's frame to {path}")
            has_gone = has_gone or event["type"] == "websocket.disconnect"
            return event

        async def checked_send(event: Event) -> None:
            if event["type"] == SEND and not has_gone:
                whose = f"The frame from {path}"
                error = self._check("frame_schema", event, whose)
                if error is not None:
                    raise error
            await send(event)

        await self.application(scope, checked_receive, checked_send)

    def _check(self, option: str, event: Event, whose: str) -> BaseException | None:
        found = wrong_frame(self._run, option, payload_of(event))
        if found is None:
            return None
        owner: Any = OWNER.get()
        is_ours = option == "frame_schema"
        error = found.failure(whose, sent_by(owner.consumer) if is_ours else "")
        error.__cause__ = found.cause
        self._report(error)
        return error


def with_schemas(
    application: ASGIApplication,
    run: TestRun | None,
    report: Callable[[BaseException], None],
) -> ASGIApplication:
    """Return an application of WebSockets whose frames are checked, or not."""
    if run is None or (run.frame_schema, run.sent_frame_schema) == (None, None):
        return application
    return CheckedFrames(application, run, report)
