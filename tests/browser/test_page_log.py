"""What Chromium tells becomes frames, errors and a console."""

from __future__ import annotations

import unittest

from channels_testkit.browser.page_log import PageError, PageLog


def thrown(number, **details):
    details = {"exceptionId": number, "text": "Uncaught", "lineNumber": 6, **details}
    return {"exceptionDetails": details}


class PageLogTests(unittest.TestCase):
    def setUp(self):
        self.log = PageLog()
        self.log.begin("s1", "about:blank")

    def navigate(self, url, **frame):
        self.log.take("s1", "Page.frameNavigated", {"frame": {"url": url, **frame}})

    def throw(self, *args, **details):
        self.log.take("s1", "Runtime.exceptionThrown", thrown(*args, **details))

    def test_page_is_that_of_the_window_not_of_a_frame_in_it(self):
        self.navigate("/room/")
        self.navigate("/advert/", parentId="f1")
        self.throw(1)
        self.assertEqual(self.log.errors, [PageError("/room/", "Uncaught", "")])

    def test_text_is_what_was_thrown(self):
        self.throw(1, exception={"type": "number", "value": 5})
        self.throw(2, exception={"type": "object", "description": "Error: a\n    at b"})
        self.throw(3, exception={"type": "undefined"})
        texts = [error.text for error in self.log.errors]
        self.assertEqual(texts, ["5", "Error: a", "undefined"])

    def test_text_is_whole_and_on_one_line(self):
        said = "SyntaxError: Unexpected token '<', \"\n<!doc\"... is not valid JSON"
        self.throw(1, exception={"type": "object", "description": said})
        self.throw(2, exception={"type": "string", "value": "one\ntwo"})
        texts = [error.text for error in self.log.errors]
        self.assertEqual(texts, [said.replace("\n", " "), "one two"])

    def test_place_is_the_script_or_what_called_it(self):
        self.throw(1, url="/room.js")
        self.throw(2, stackTrace={"callFrames": [{"url": "/other.js"}]})
        places = [error.place for error in self.log.errors]
        self.assertEqual(places, ["/room.js, line 7", "/other.js, line 7"])

    def test_what_is_revoked_is_no_error(self):
        self.throw(1)
        for number in (1, 2):
            params = {"exceptionId": number, "reason": "handled"}
            self.log.take("s1", "Runtime.exceptionRevoked", params)
        self.assertEqual(self.log.errors, [])

    def test_console_has_what_chromium_says_as_well(self):
        entry = {"level": "error", "text": "404 (Not Found)", "url": "/x.png"}
        self.log.take("s1", "Log.entryAdded", {"entry": entry})
        self.throw(1, url="/room.js")
        self.assertEqual(
            self.log.console,
            ["error: 404 (Not Found) /x.png", "uncaught: Uncaught (/room.js, line 7)"],
        )

    def test_page_that_has_been_left_is_not_known(self):
        params = {
            "requestId": "1",
            "response": {"opcode": 1, "payloadData": "hello"},
        }
        self.log.take("gone", "Network.webSocketFrameReceived", params)
        self.assertEqual(self.log.frames, [("", "received", "hello", "")])

    def test_socket_may_fail_without_a_reason(self):
        params = {"requestId": "1", "url": "/ws/", "errorMessage": ""}
        self.log.take("s1", "Network.webSocketCreated", params)
        self.log.take("s1", "Network.webSocketFrameError", params)
        [error] = self.log.errors
        self.assertEqual(error.text, "WebSocket /ws/ failed: no reason given")
        self.assertEqual(
            self.log.traffic, ["/ws/ connect", "/ws/ failed: no reason given"]
        )

    def respond(self, url, **params):
        response = {"url": url, "status": 404}
        params = {"type": "Script", "response": response, **params}
        self.log.take("s1", "Network.responseReceived", params)

    def test_script_or_stylesheet_that_is_missing_is_an_error(self):
        self.navigate("http://a.example/room/")
        self.respond("http://a.example/static/chat.js?v=1")
        self.respond("http://a.example/chat.css", type="Stylesheet")
        self.assertEqual(
            self.log.errors,
            [
                ("http://a.example/room/", "GET /static/chat.js?v=1: 404", ""),
                ("http://a.example/room/", "GET /chat.css: 404", ""),
            ],
        )

    def test_event_stream_that_is_none_is_an_error(self):
        self.navigate("http://a.example/room/")
        url = "http://a.example/events/"
        self.respond(url, type="EventSource")
        page = {"url": url, "status": 200, "mimeType": "text/html"}
        self.respond(url, type="EventSource", response=page)
        # That ends the stream.
        no_content = {"url": url, "status": 204, "mimeType": ""}
        self.respond(url, type="EventSource", response=no_content)
        stream = {"url": url, "status": 200, "mimeType": "text/event-stream"}
        self.respond(url, type="EventSource", response=stream)
        self.assertEqual(
            [error.text for error in self.log.errors],
            [
                "GET /events/: 404",
                "GET /events/: a text/html, not text/event-stream",
            ],
        )

    def test_what_else_is_missing_is_no_error(self):
        self.navigate("http://a.example/room/")
        for kind in ["Document", "Fetch", "Image", "Other", "XHR"]:
            self.respond("http://a.example/missing", type=kind)
        self.respond("http://cdn.example/chat.js")
        self.respond("https://a.example/chat.js")
        url = "http://a.example/found.js"
        self.respond(url, response={"url": url, "status": 200})
        self.assertEqual(self.log.errors, [])

    def test_other_events_are_passed_over(self):
        self.log.take("s1", "Network.loadingFinished", {})
        self.assertEqual(self.log.console, [])
