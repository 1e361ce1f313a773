"""What a browser's pages did, from the events that Chromium tells of them."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple
from urllib.parse import urlsplit

from .policies import blocked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SENT = "sent"
RECEIVED = "received"
_BINARY = 2
#: What a page does not work without, as Chromium calls it.
_PARTS = {"EventSource", "Script", "Stylesheet"}
_STREAM = "text/event-stream"
#: What a browser begins with.
_EMPTY = {"about:blank", "data:,"}
_OK = 200
_REFUSED = 400
_STACK = "\n    at "
_ARROWS = {SENT: "->", RECEIVED: "<-"}


class PageFrame(NamedTuple):
    """
    A frame that crossed a WebSocket of a page.

    ``direction`` is ``"sent"`` or ``"received"``, as the page sees it;
    ``payload`` is what JSON stands for, or else a str or bytes. ``url`` is the
    WebSocket's, ``page`` that of the page.
    """

    url: str
    direction: str
    payload: Any
    page: str


class PageError(NamedTuple):
    """
    An error of a page.

    One that no script caught, a WebSocket that failed, what the page's
    Content-Security-Policy has blocked, or a script, style sheet or event
    stream that the page's server does not have. ``place`` is the script and
    the line, or empty; ``page`` is the URL of the page.
    """

    page: str
    text: str
    place: str


class PageLog:
    """The frames, errors and console of a browser's pages, in order."""

    def __init__(self) -> None:
        #: The URL of what each session with Chromium is about.
        self._pages: dict[str, str] = {}
        self._sockets: dict[str, str] = {}
        #: What Chromium last said about the security of each.
        self._said: dict[str, str] = {}
        self.clear()

    def clear(self) -> None:
        """Forget what was; pages that are open stay known."""
        self.frames: list[PageFrame] = []
        #: By what Chromium revokes them.
        self._errors: dict[object, PageError] = {}
        self.console: list[str] = []
        self.traffic: list[str] = []
        self.origins: set[str] = set()
        #: Whether a page was opened, and not only an empty one.
        self.has_page = False

    @property
    def errors(self) -> list[PageError]:
        """The errors, but for rejections that were handled later."""
        return list(self._errors.values())

    def ignore(self, errors: list[PageError]) -> None:
        """Remove errors that were expected."""
        # A copy: the browser's thread may add one meanwhile.
        for key, error in list(self._errors.items()):
            if any(error is forgiven for forgiven in errors):
                del self._errors[key]

    def begin(self, session: str, url: str) -> None:
        """Know of a page, or of a worker."""
        self._pages[session] = url

    def take(self, session: str, method: str, params: Mapping[str, Any]) -> None:
        """Take an event of a page."""
        take = self._takers.get(method)
        if take is not None:
            take(self, session, params)

    def _navigated(self, session: str, params: Any) -> None:
        frame = params["frame"]
        if "parentId" not in frame:
            self._pages[session] = frame["url"]
            self.has_page = self.has_page or frame["url"] not in _EMPTY

    def _ran_scripts(self, _session: str, params: Any) -> None:
        origin = params["context"]["origin"]
        if origin.startswith("http"):
            self.origins.add(origin)

    def _logged(self, _session: str, params: Any) -> None:
        texts = [_text_of(value) for value in params["args"]]
        self.console.append(f"{params['type']}: {' '.join(texts)}")

    def _entry_added(self, session: str, params: Any) -> None:
        entry = params["entry"]
        if entry.get("source") == "security":
            self._said[session] = entry["text"]
        self.console.append(f"{entry['level']}: {entry['text']} {entry.get('url', '')}")

    def _threw(self, session: str, params: Any) -> None:
        details = params["exceptionDetails"]
        text, place = _text_of_exception(details), _place_of(details)
        self._keep((session, details["exceptionId"]), session, text, place)

    def _revoked(self, session: str, params: Any) -> None:
        self._errors.pop((session, params["exceptionId"]), None)

    def _responded(self, session: str, params: Any) -> None:
        response, page = params["response"], self._page(session)
        fault = _fault_of(params["type"], response)
        if fault and _origin(response["url"]) == _origin(page):
            path = urlsplit(response["url"])._replace(scheme="", netloc="").geturl()
            # Chromium tells the console of it.
            self._errors[object()] = PageError(page, f"GET {path}: {fault}", "")

    def _found_issue(self, session: str, params: Any) -> None:
        issue = params["issue"]
        if text := blocked(issue, self._said.pop(session, "")):
            details = issue["details"]["contentSecurityPolicyIssueDetails"]
            place = _place_of(details.get("sourceCodeLocation", {}))
            # Chromium tells the console of it.
            self._errors[object()] = PageError(self._page(session), text, place)

    def _opened(self, _session: str, params: Any) -> None:
        self._sockets[params["requestId"]] = params["url"]
        self._note(params, "connect")

    def _closed(self, _session: str, params: Any) -> None:
        self._note(params, "closed")

    def _failed(self, session: str, params: Any) -> None:
        reason = params["errorMessage"] or "no reason given"
        text = f"WebSocket {self._socket(params)} failed: {reason}"
        self._keep(object(), session, text, "")
        self._note(params, f"failed: {reason}")

    def _sent(self, session: str, params: Any) -> None:
        self._crossed(SENT, session, params)

    def _received(self, session: str, params: Any) -> None:
        self._crossed(RECEIVED, session, params)

    def _crossed(self, direction: str, session: str, params: Any) -> None:
        frame, url = _payload_of(params["response"]), self._socket(params)
        self.frames.append(PageFrame(url, direction, frame, self._page(session)))
        self._note(params, f"{_ARROWS[direction]} {frame!r}")

    def _keep(self, key: object, session: str, text: str, place: str) -> None:
        self._errors[key] = PageError(self._page(session), text, place)
        self.console.append(f"uncaught: {text}" + (f" ({place})" if place else ""))

    def _note(self, params: Any, what: str) -> None:
        self.traffic.append(f"{self._socket(params)} {what}")

    def _page(self, session: str) -> str:
        return self._pages.get(session, "")

    def _socket(self, params: Any) -> str:
        return self._sockets.get(params["requestId"], "")

    #: What takes which event.
    _takers: ClassVar[dict[str, Callable[[PageLog, str, Any], None]]] = {
        "Audits.issueAdded": _found_issue,
        "Log.entryAdded": _entry_added,
        "Network.responseReceived": _responded,
        "Network.webSocketClosed": _closed,
        "Network.webSocketCreated": _opened,
        "Network.webSocketFrameError": _failed,
        "Network.webSocketFrameReceived": _received,
        "Network.webSocketFrameSent": _sent,
        "Page.frameNavigated": _navigated,
        "Runtime.consoleAPICalled": _logged,
        "Runtime.exceptionRevoked": _revoked,
        "Runtime.exceptionThrown": _threw,
        "Runtime.executionContextCreated": _ran_scripts,
    }


def _origin(url: str) -> tuple[str, str]:
    scheme, host, *_ = urlsplit(url)
    return scheme, host


def _fault_of(kind: str, response: Any) -> str:
    """Return what is wrong with a part of a page, or ""."""
    if kind in _PARTS and response["status"] >= _REFUSED:
        return str(response["status"])
    is_stream = kind == "EventSource" and response["status"] == _OK
    if is_stream and response["mimeType"] != _STREAM:
        return f"a {response['mimeType']}, not {_STREAM}"
    return ""


def _payload_of(response: Any) -> str | bytes:
    data: str = response["payloadData"]
    return base64.b64decode(data) if response["opcode"] == _BINARY else data


def _text_of(value: Any) -> str:
    return str(value.get("value", value.get("description", value["type"])))


def _text_of_exception(details: Any) -> str:
    """Return what was thrown, on one line and without an Error's stack."""
    exception = details.get("exception")
    text = details["text"] if exception is None else _text_of(exception)
    return " ".join(text.partition(_STACK)[0].splitlines())


def _place_of(details: Any) -> str:
    frames = details.get("stackTrace", {}).get("callFrames", [])
    url = details.get("url") or (frames[0]["url"] if frames else "")
    return f"{url}, line {details['lineNumber'] + 1}" if url else ""
