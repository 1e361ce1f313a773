"""The exception of a browser that has ended."""

from __future__ import annotations

GONE = "The browser has gone: Chromium was killed, or has crashed."


class BrowserGone(AssertionError):  # noqa: N818 - a failure
    """The browser does not run any more."""

    def __init__(self, text: str = GONE) -> None:
        super().__init__(text)
