from __future__ import annotations

from django.test import SimpleTestCase

from channels_testkit import ServerSentEvent
from channels_testkit.http.event_stream import EventStream


def read(*chunks, stream=None):
    """Return the events of a body that comes in these chunks."""
    stream = stream or EventStream()
    events = []
    for chunk in chunks:
        stream.feed(chunk)
        while (event := stream.take()) is not None:
            events.append(event)
    return events


def one(data, **options):
    return [ServerSentEvent(data=data, **options)]


class BlockTests(SimpleTestCase):
    def test_data_is_a_message(self):
        self.assertEqual(read(b"data: hello\n\n"), one("hello"))

    def test_event_names_the_kind(self):
        events = read(b"event: note\ndata: hello\n\ndata: there\n\n")
        self.assertEqual([event.event for event in events], ["note", "message"])

    def test_empty_kind_is_a_message(self):
        self.assertEqual(read(b"event:\ndata: hello\n\n"), one("hello"))

    def test_lines_of_data_are_joined(self):
        self.assertEqual(read(b"data: one\ndata:\ndata: two\n\n"), one("one\n\ntwo"))

    def test_one_space_after_the_colon_is_dropped(self):
        events = read(b"data:one\n\ndata:  two\n\ndata:three:four\n\n")
        self.assertEqual(
            [event.data for event in events], ["one", " two", "three:four"]
        )

    def test_name_without_colon_has_an_empty_value(self):
        self.assertEqual(read(b"data\n\n"), one(""))
        self.assertEqual(read(b"data\ndata\n\n"), one("\n"))

    def test_comments_and_unknown_names_are_skipped(self):
        self.assertEqual(read(b": hello\nnote: x\ndata: y\nData: z\n\n"), one("y"))

    def test_blocks_without_data_are_no_events(self):
        self.assertEqual(read(b": hello\n\n\n\nevent: note\n\ndata: x\n\n"), one("x"))

    def test_last_block_without_an_empty_line_is_discarded(self):
        stream = EventStream()
        self.assertEqual(
            read(b"data: one\n\nid: 5\ndata: two\n", stream=stream), one("one")
        )
        self.assertIsNone(stream.last_event_id)

    def test_json_is_the_data_decoded(self):
        (event,) = read(b'data: {"text":\ndata: "hello"}\n\n')
        self.assertEqual(event.json(), {"text": "hello"})


class IdTests(SimpleTestCase):
    def test_an_id_stays_until_the_next(self):
        events = read(b"id: 1\ndata: a\n\ndata: b\n\nid: 2\ndata: c\n\n")
        self.assertEqual([event.id for event in events], ["1", "1", "2"])

    def test_an_id_without_data_counts(self):
        stream = EventStream()
        self.assertEqual(read(b"id: 7\n\n", stream=stream), [])
        self.assertEqual(stream.last_event_id, "7")

    def test_an_empty_id_is_none(self):
        stream = EventStream("7")
        self.assertEqual(read(b"data: a\n\n", stream=stream), one("a", id="7"))
        self.assertEqual(read(b"id\ndata: a\n\n", stream=stream), one("a"))
        self.assertIsNone(stream.last_event_id)

    def test_an_id_with_nul_is_ignored(self):
        self.assertEqual(read(b"id: 1\nid: 2\0\ndata: a\n\n"), one("a", id="1"))

    def test_only_events_that_were_taken_count(self):
        stream = EventStream()
        stream.feed(b"id: 1\ndata: a\n\nid: 2\ndata: b\n\n")
        stream.take()
        self.assertEqual(stream.last_event_id, "1")


class RetryTests(SimpleTestCase):
    def test_retry_is_told_with_its_event_and_kept(self):
        stream = EventStream()
        events = read(b"retry: 3000\ndata: a\n\ndata: b\n\n", stream=stream)
        self.assertEqual([event.retry for event in events], [3000, None])
        self.assertEqual(stream.retry, 3000)

    def test_retry_alone_counts(self):
        stream = EventStream()
        self.assertEqual(read(b"retry: 10\n\n", stream=stream), [])
        self.assertEqual(stream.retry, 10)

    def test_retry_has_any_number_of_digits(self):
        for value, expected in (
            ("0" * 5_000, 0),
            ("0" * 5_000 + "7", 7),
            (str(2**63 - 1), 2**63 - 1),
            (str(2**63), 2**63 - 1),
            ("9" * 5_000, 2**63 - 1),
        ):
            with self.subTest(value[:10]):
                (event,) = read(f"retry: {value}\ndata: a\n\n".encode())
                self.assertEqual(event.retry, expected)

    def test_retry_that_is_no_number_is_ignored(self):
        for value in ["soon", "-1", "1.5", "", "1 ", "\u0663"]:
            with self.subTest(value):
                stream = EventStream()
                read(f"retry: {value}\n\n".encode(), stream=stream)
                self.assertIsNone(stream.retry)


class LineEndTests(SimpleTestCase):
    def test_all_line_ends_are_taken(self):
        for end in [b"\n", b"\r", b"\r\n"]:
            with self.subTest(end):
                body = end.join([b"event: note", b"data: one", b"data: two", b"", b""])
                self.assertEqual(read(body), one("one\ntwo", event="note"))

    def test_a_lone_cr_ends_a_block_at_once(self):
        self.assertEqual(read(b"data: one\r\r"), one("one"))

    def test_crlf_that_is_cut_in_two_is_one_line_end(self):
        chunks = [b"data: one\r", b"\ndata: two\r", b"\n", b"\r", b"\ndata: x\r\n\r\n"]
        self.assertEqual(read(*chunks), [*one("one\ntwo"), *one("x")])

    def test_an_empty_chunk_does_not_part_a_crlf(self):
        self.assertEqual(read(b"data: one\r", b"", b"\ndata: two\n\n"), one("one\ntwo"))

    def test_other_separators_are_no_line_ends(self):
        data = "one\u2028two\x0bthree\x85four"
        self.assertEqual(read(f"data: {data}\n\n".encode()), one(data))


class ChunkTests(SimpleTestCase):
    body = (
        "\ufeffid: 1\r\nevent: é\r\ndata: grüße \U0001f600\r\n\r\ndata: \ufeffx\n\n"
    ).encode()
    events = (
        ServerSentEvent("é", "grüße \U0001f600", "1"),
        ServerSentEvent(data="\ufeffx", id="1"),
    )

    def test_a_body_may_be_cut_anywhere(self):
        for place in range(len(self.body) + 1):
            with self.subTest(place):
                parts = self.body[:place], self.body[place:]
                self.assertEqual(read(*parts), list(self.events))

    def test_a_body_may_come_byte_by_byte(self):
        chunks = [bytes([byte]) for byte in self.body]
        self.assertEqual(read(*chunks), list(self.events))

    def test_one_mark_of_byte_order_is_dropped(self):
        self.assertEqual(read(b"\xef\xbb\xbfdata: a\n\n"), one("a"))
        self.assertEqual(read(b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\n"), [])

    def test_what_is_not_utf8_is_replaced(self):
        self.assertEqual(read(b"data: a\xffb\n\n"), one("a\ufffdb"))
