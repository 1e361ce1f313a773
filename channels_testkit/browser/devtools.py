"""Chromium's DevTools protocol: what the pages do, as it happens."""

from __future__ import annotations

import contextlib
import itertools
import json
import threading
from typing import TYPE_CHECKING, Any

import websocket

from channels_testkit.engine import threads

from .exceptions import BrowserGone
from .page_log import PageLog

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__unittest = True

_SECONDS_TO_ANSWER = 30.0
_SECONDS_TO_CATCH_UP = 2.0
_TO_PAGES = {
    "autoAttach": True,
    "flatten": True,
    # A window that a page opens may never go on where it is made to wait.
    "waitForDebuggerOnStart": False,
    "filter": [{"type": kind} for kind in ("page", "shared_worker", "service_worker")],
}
_TO_PARTS_OF_PAGES = {
    "autoAttach": True,
    "flatten": True,
    # Nothing that they do is missed, from their first line on.
    "waitForDebuggerOnStart": True,
    "filter": [{"type": kind} for kind in ("iframe", "worker")],
}
_TO_WATCH = (
    "Audits.enable",
    "Log.enable",
    "Network.enable",
    "Page.enable",
    "Runtime.enable",
)


class DevTools:
    """
    A connection to Chromium, beside that of its driver.

    A thread reads Chromium's events of each page into ``log``, and wakes
    whoever waits for them.
    """

    def __init__(self, url: str) -> None:
        self.log = PageLog()
        self.is_gone = False
        self._changed = threading.Condition()
        self._numbers = itertools.count(1)
        self._awaited: set[int] = set()
        self._answers: dict[int, Any] = {}
        #: What each session is about, by Chromium's name of it.
        self._targets: dict[str, Mapping[str, Any]] = {}
        # Chromium refuses what comes from a page.
        self._socket = websocket.create_connection(url, suppress_origin=True)
        self.thread = threads.of_kit(self._read, "what the browser tells")
        self.thread.start()
        self.command("Target.setAutoAttach", **_TO_PAGES)
        self.catch_up()

    def close(self) -> None:
        """End the connection, and its thread."""
        # Its thread is woken first; what it reads from is closed then.
        self._socket.abort()
        self.thread.join(_SECONDS_TO_ANSWER)
        self._socket.shutdown()

    def command(self, method: str, **params: object) -> Any:
        """
        Give a command to the browser, and return the answer.

        Raises ``RuntimeError`` where the answer is an error, or does not come.
        """
        number = self._ask(method, "", params)
        if not self.wait_until(lambda: number in self._answers, _SECONDS_TO_ANSWER):
            raise RuntimeError(f"The browser did not answer {method}.")
        answer = self._answers.pop(number)
        if "error" in answer:
            raise RuntimeError(f"{method} failed: {answer['error']['message']}")
        return answer["result"]

    def pages(self) -> list[str]:
        """Return the windows, by the names that the driver has for them."""
        with self._changed:
            targets = list(self._targets.values())
        return [it["targetId"] for it in targets if it["type"] == "page"]

    def catch_up(self) -> None:
        """
        Wait for all that the pages have done so far, or for their end.

        It waits for a busy page at most two seconds.
        """
        # A page answers in order: what it has done before comes before.
        with self._changed:
            asked = {
                self._ask("Runtime.evaluate", session, {"expression": "0"}): session
                for session in self._targets
            }
            self._changed.wait_for(
                lambda: self.is_gone or self._have_answered(asked),
                _SECONDS_TO_CATCH_UP,
            )
            for number in asked:
                self._awaited.discard(number)
                self._answers.pop(number, None)

    def _have_answered(self, asked: Mapping[int, str]) -> bool:
        return all(
            number in self._answers or session not in self._targets
            for number, session in asked.items()
        )

    def wait_until(self, condition: Callable[[], object], timeout: float) -> bool:
        """
        Wait for something that Chromium tells; return whether it came.

        Raises ``BrowserGone`` where it cannot come any more.
        """
        with self._changed:
            self._changed.wait_for(lambda: self.is_gone or condition(), timeout)
            found = bool(condition())
        if self.is_gone and not found:
            raise BrowserGone
        return found

    def _ask(self, method: str, session: str, params: Mapping[str, object]) -> int:
        number = next(self._numbers)
        self._awaited.add(number)
        self._send(number, method, session, params)
        return number

    def _send(
        self, number: int, method: str, session: str, params: Mapping[str, object]
    ) -> None:
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        # The thread notices that a browser has gone.
        with contextlib.suppress(OSError, websocket.WebSocketException):
            self._socket.send(json.dumps(message))

    # The thread calls these.

    def _read(self) -> None:
        try:
            # Until the browser goes, or close() is called.
            with contextlib.suppress(OSError, websocket.WebSocketException):
                while message := self._socket.recv():
                    with self._changed:
                        self._take(json.loads(message))
                        self._changed.notify_all()
        finally:
            with self._changed:
                self.is_gone = True
                self._changed.notify_all()

    def _take(self, message: Mapping[str, Any]) -> None:
        if "id" in message:
            if message["id"] in self._awaited:
                self._awaited.discard(message["id"])
                self._answers[message["id"]] = message
            return
        method, params = message["method"], message["params"]
        if method == "Target.attachedToTarget":
            self._watch(params["sessionId"], params["targetInfo"])
        elif method == "Target.detachedFromTarget":
            self._targets.pop(params["sessionId"], None)
        else:
            self.log.take(message.get("sessionId", ""), method, params)

    def _watch(self, session: str, target: Mapping[str, Any]) -> None:
        """Listen to all that a page does, and let it begin."""
        self._targets[session] = target
        self.log.begin(session, target["url"])
        for method in _TO_WATCH:
            self._send(next(self._numbers), method, session, {})
        self._send(
            next(self._numbers), "Target.setAutoAttach", session, _TO_PARTS_OF_PAGES
        )
        self._send(next(self._numbers), "Runtime.runIfWaitingForDebugger", session, {})
