"""What a failing function shows, however pytest is asked to show it."""

from __future__ import annotations

from .inner import CONSUMERS, PytestCase, needs

FAILING = (
    CONSUMERS
    + """
    import pytest

    from channels_testkit import WebsocketCommunicator

    @pytest.fixture
    def broken(channels_test):
        channels_test.connect("/ws/echo/").send_json({"said": "in a fixture"})
        raise LookupError("asked for")

    @pytest.mark.asyncio
    async def test_plain_assert():
        ann = WebsocketCommunicator(ROOM, "/ann/")
        await ann.connect()
        await ann.send_json_to("hello")
        assert await ann.receive_json_from() == "hullo"

    def test_fixture(broken):
        pass

    @pytest.mark.asyncio
    async def test_exception(db):
        ann = WebsocketCommunicator(NOTES, "/ann/")
        await ann.connect()
        await ann.send_json_to({}.fromkeys("ab"))
        await ann.send_json_to("raise")
        ben = WebsocketCommunicator(ROOM, "/ben/")
        await ben.connect()
        await ben.send_json_to("raise")

    @pytest.mark.asyncio
    async def test_two_things_at_once():
        ann = WebsocketCommunicator(ROOM, "/ann/")
        await ann.connect()
        consumer = ann.consumer
        consumer.later = asyncio.create_task(consumer.fail())
        assert 1 == 2

    @pytest.mark.asyncio
    async def test_skipped():
        pytest.skip("a reason")

    @pytest.mark.asyncio
    @pytest.mark.xfail(reason="known", strict=True)
    async def test_expected():
        ann = WebsocketCommunicator(ROOM, "/ann/")
        await ann.connect()
        await ann.send_json_to("raise")

    def test_many_connections(ws_connect):
        for number in range(10):
            ws_connect("/ws/echo/", name=f"client {number}")
        assert 1 == 2
"""
)
REFUSED = """
    from channels.generic.websocket import WebsocketConsumer

    class Closed(WebsocketConsumer):
        def connect(self):
            self.close()

    def test_refused(channels_test):
        channels_test.connect("/", application=Closed.as_asgi())
"""
TITLE = "Transcripts of the test's connections"


@needs("pytest_django", "pytest_asyncio")
class ReportTests(PytestCase):
    def test_transcripts_however_they_are_shown(self) -> None:
        for options in ((), ("--tb=short",), ("--tb=native", "-vv"), ("-n1",)):
            with self.subTest(options=options):
                ended = self.pytest(FAILING, *options)
                counts = (ended.failed, ended.error, ended.skipped, ended.xfailed)
                self.assertEqual(counts, (4, 1, 1, 1), ended.printed)
                self.assertIn('     4  <- text    "hello"\n', ended.printed)
                self.assertIn('{"said": "in a fixture"}', ended.printed)
                self.assertIn(f" {TITLE} ", ended.printed)

    def test_junit(self) -> None:
        ended = self.pytest(
            FAILING, "--junit-xml=out.xml", "-p", "shown", shown=SHOWN_AT_THE_END
        )
        self.assertIn('     4  &lt;- text    "hello"', ended.printed)

    def test_frames_of_libraries_are_hidden(self) -> None:
        options = ("-k", "exception or fixture or assert", "--show-capture=no")
        ended = self.pytest(FAILING, *options)
        for name in ("asgiref/", "asyncio/", "channels_testkit/"):
            self.assertNotIn(name, ended.printed.rpartition("short test summary")[0])

    def test_what_comes_besides(self) -> None:
        ended = self.pytest(FAILING, "-k", "two_things")
        self.assertIn("E       assert 1 == 2\n", ended.printed)
        self.assertIn(" Also found at the end of the test ", ended.printed)
        self.assertIn("\nLookupError: nobody awaits this\n", ended.printed)

    def test_many_have_one_order(self) -> None:
        ended = self.pytest(FAILING, "-k", "many")
        _, _, shown = ended.printed.partition("The last of 20 events, in one order")
        self.assertEqual(shown.partition("\n=")[0].count("\n  "), 5)
        self.assertIn("the same, after 7 others\n", shown)
        self.assertNotIn("Transcript of", ended.printed)

    def test_a_refusal_names_the_fixture(self) -> None:
        ended = self.pytest(REFUSED)
        for line in (
            "client = channels_test.create_client('/')",
            "channels_test.assertRejected(client)",
        ):
            self.assertIn(f"E           {line}\n", ended.printed)


SHOWN_AT_THE_END = """
    import atexit

    def show():
        with open("out.xml") as file:
            print(file.read())

    atexit.register(show)
"""
