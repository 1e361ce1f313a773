"""Requests and schemas of frames in test functions."""

from __future__ import annotations

from .inner import CONSUMERS, PytestCase, needs

INNER = (
    CONSUMERS
    + """
    import pytest

    from channels_testkit import FrameError

    def has_an_id(payload):
        return "id" in payload

    schema = pytest.mark.channels_test(
        application=ROOM,
        frame_schema={"required": ["id"], "properties": {"n": {"type": "number"}}},
        sent_frame_schema=has_an_id,
    )

    @schema
    def test_request(ws_connect):
        ann = ws_connect("/")
        assert ann.request({"id": 7, "n": 1}, reply={"id": 7}) == {"id": 7, "n": 1}

    @schema
    async def test_request_async(aws_connect):
        ann = await aws_connect("/")
        assert await ann.request({"id": 7}, reply={"id": 7}) == {"id": 7}

    @schema
    def test_breach_of_the_application(ws_connect):
        ws_connect("/").send_json({"id": 7, "n": "one"})

    @schema
    def test_breach_of_the_test(ws_connect):
        ws_connect("/").send_json({"n": 1})

    @schema
    def test_without(ws_connect, channels_test):
        ann = ws_connect("/", frame_schema=None, sent_frame_schema=None)
        ann.send_json({})
        channels_test.sent_frame_schema = None
        other = ws_connect("/")
        with channels_test.assertApplicationRaises(FrameError):
            other.send_json({})

    @pytest.mark.channels_test(application=ROOM, frame_schema={"type": "text"})
    def test_no_schema(ws_connect):
        pass

    @pytest.mark.channels_test(sent_frame_schema="schema.json")
    def test_no_file(channels_test):
        pass

    def test_after_all_of_these(channel_layer):
        assert type(get_channel_layer()) is type(channel_layer)
"""
)
TEXTS = (
    "FrameError: The frame from / breaks frame_schema at $.n: 'one' is not of type",
    "FrameError: The test's frame to / breaks sent_frame_schema: has_an_id() returned",
    "Load a file first: json.loads(Path(...).read_text()).",
    "channels_test.frame_schema is not a valid JSON Schema, at $.type: 'text' is",
)


@needs("pytest_django", "pytest_asyncio", "jsonschema")
class ContractTests(PytestCase):
    def test_mark_and_requests(self) -> None:
        ended = self.pytest(INNER)
        self.assert_outcomes(ended, passed=4, failed=2, errors=2)
        for text in TEXTS:
            with self.subTest(text):
                self.assertIn(text, " ".join(ended.printed.split()))
