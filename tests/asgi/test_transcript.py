from __future__ import annotations

import unittest

from channels_testkit.asgi.transcript import (
    IN,
    OUT,
    Entry,
    Transcript,
    describe_payload,
    shorten,
)


class EntryTests(unittest.TestCase):
    """One line for each event."""

    def test_each_kind_of_event_has_its_line(self) -> None:
        lines = {
            "-> connect /ws/": {"type": "websocket.connect", "path": "/ws/"},
            "<- accept": {"type": "websocket.accept", "subprotocol": None},
            "<- accept  subprotocol='chat'": {
                "type": "websocket.accept",
                "subprotocol": "chat",
            },
            '-> text    {"a": 1, "b": 2}': {
                "type": "websocket.receive",
                "text": '{"b": 2, "a": 1}',
            },
            "<- text    'plain'": {"type": "websocket.send", "text": "plain"},
            "<- text    ''": {"type": "websocket.send", "text": ""},
            "<- bytes   b'data'": {"type": "websocket.send", "bytes": b"data"},
            "<- close   code=4401 reason='no'": {
                "type": "websocket.close",
                "code": 4401,
                "reason": "no",
            },
            "-> disconnect code=1000": {"type": "websocket.disconnect", "code": 1000},
            "<- response.start status=403": {
                "type": "websocket.http.response.start",
                "status": 403,
                "headers": [],
            },
            "-> request": {"type": "http.request", "body": b"", "more_body": False},
            "<- response.body body=b'a' more_body=True": {
                "type": "http.response.body",
                "body": b"a",
                "more_body": True,
            },
            "<- ?": {},
            "<- 5       code=0": {"type": 5, "code": 0},
        }
        for line, event in lines.items():
            with self.subTest(line):
                self.assertEqual(str(Entry(line[:2], event)), line)

    def test_note_stands_behind_its_event(self) -> None:
        entry = Entry(OUT, {"type": "websocket.send", "text": "late"}, "dropped")
        self.assertEqual(str(entry), "<- text    'late'   (dropped)")

    def test_long_payload_is_cut_to_one_line(self) -> None:
        text = str(Entry(OUT, {"type": "websocket.send", "text": "x" * 1000}))
        self.assertEqual(len(text), len("<- text    ") + 160)
        self.assertTrue(text.endswith("xxx ..."))

    def test_shorten_keeps_what_fits(self) -> None:
        self.assertEqual(shorten("12345", 5), "12345")
        self.assertEqual(shorten("123456", 5), "1 ...")

    def test_payload_is_json_with_sorted_keys_or_a_repr(self) -> None:
        self.assertEqual(
            describe_payload('{"b": "ü", "a": null}'), '{"a": null, "b": "ü"}'
        )
        self.assertEqual(describe_payload(r'"\ud800"'), r'"\ud800"')
        self.assertEqual(describe_payload("{"), "'{'")
        self.assertEqual(describe_payload(b"{}"), "b'{}'")


class TranscriptTests(unittest.TestCase):
    def fill(self, count: int) -> Transcript:
        transcript = Transcript("ann (/ws/)")
        for number in range(count):
            event = {"type": "websocket.receive", "text": str(number)}
            transcript.add(IN, event)
        return transcript

    def test_empty_one_says_so(self) -> None:
        self.assertEqual(
            str(self.fill(0)),
            "Transcript of ann (/ws/) (-> test to application, <- application to"
            " test):\n     nothing yet",
        )

    def test_marked_event_is_found_by_identity(self) -> None:
        transcript = self.fill(1)
        transcript.add(IN, dict(transcript.entries[0].event))
        first, second = transcript.render(transcript.entries[1].event).splitlines()[1:]
        self.assertEqual(first, "     1  -> text    0")
        self.assertEqual(second, "     2  -> text    0   <== this one")

    def test_only_the_last_entries_are_shown(self) -> None:
        lines = str(self.fill(15)).splitlines()
        self.assertEqual(lines[1], "     ... 3 earlier entries")
        self.assertEqual(lines[2], "     4  -> text    3")
        self.assertEqual(lines[-1], "    15  -> text    14")
        self.assertEqual(len(lines), 14)

    def test_length_and_iteration_give_the_entries(self) -> None:
        transcript = self.fill(15)
        self.assertEqual(len(transcript), 15)
        self.assertEqual(list(transcript), transcript.entries)
