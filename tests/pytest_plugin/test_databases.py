"""The database as pytest-django says, on each that the suite runs on."""

from __future__ import annotations

from .inner import CONSUMERS, PytestCase, needs

ONE_TRANSACTION = (
    CONSUMERS
    + """
    import pytest
    import pytest_asyncio
    from django.db import connection

    from channels_testkit import WebsocketCommunicator

    async def told(application, content):
        ann = WebsocketCommunicator(application, "/")
        await ann.connect()
        await ann.send_json_to(content)
        return await ann.receive_json_from()

    @pytest.fixture(scope="module")
    def of_the_module(django_db_setup, django_db_blocker):
        with django_db_blocker.unblock():
            note = Note.objects.create(text="of the module")
            yield note
            note.delete()

    @pytest.fixture
    def sync_row(db):
        return Note.objects.create(text="of a sync fixture")

    @pytest_asyncio.fixture
    async def async_row(db):
        return await Note.objects.acreate(text="of an async fixture")

    @pytest.mark.asyncio
    @pytest.mark.parametrize("number", [1, 2])
    async def test_all_rows_in_one(of_the_module, sync_row, async_row, number):
        assert await told(ROOM, "count") == 3
        assert await told(NOTES, "of a sync consumer") == [4, OWN]
        assert await Note.objects.acount() == 4

    @pytest.mark.asyncio
    @pytest.mark.django_db
    async def test_closing_leaves_the_transaction_open(of_the_module):
        await Note.objects.acreate(text="still there")
        await sync_to_async(connection.close)()
        assert await told(ROOM, "count") == 2

    @pytest.mark.asyncio
    @pytest.mark.django_db
    async def test_a_thread_of_its_own_is_told():
        def count():
            return Note.objects.count()

        await Note.objects.acreate(text="not seen")
        if getattr(connection, "is_in_memory_db", bool)():
            pytest.skip("in memory, each thread has a database of its own")
        with pytest.raises(Exception, match="That thread has a connection of its own"):
            await asyncio.to_thread(count)

    def test_rows_are_gone(db, of_the_module):
        assert Note.objects.count() == 1
"""
)
COMMITTED = (
    CONSUMERS
    + """
    import pytest
    from django.db import connection, transaction

    from channels_testkit import WebsocketCommunicator

    @pytest.mark.asyncio
    @pytest.mark.django_db(transaction=True)
    async def test_commits():
        ann = WebsocketCommunicator(NOTES, "/")
        await ann.connect()
        await ann.send_json_to("committed")
        assert (await ann.receive_json_from())[0] == 1
        assert not connection.in_atomic_block

    @pytest.mark.asyncio
    async def test_by_fixture(transactional_db):
        assert await Note.objects.acount() == 0

    @pytest.mark.django_db(transaction=True, reset_sequences=True)
    def test_sequences():
        assert Note.objects.create(text="first").pk == 1

    @pytest.mark.django_db(transaction=True, serialized_rollback=True)
    def test_serialized(ws_connect):
        ws_connect("/ws/echo/")

    @pytest.mark.django_db(transaction=True)
    def test_on_commit(channels_test):
        ran = []
        with transaction.atomic():
            transaction.on_commit(lambda: ran.append(1))
        assert ran == [1]
"""
)
FORBIDDEN = (
    CONSUMERS
    + """
    import pytest

    from channels_testkit import WebsocketCommunicator

    @pytest.mark.asyncio
    async def test_without_the_mark():
        ann = WebsocketCommunicator(ROOM, "/")
        await ann.connect()
        await ann.send_json_to("count")

    @pytest.mark.asyncio
    async def test_a_sync_consumer_without_the_mark():
        ann = WebsocketCommunicator(NOTES, "/")
        await ann.connect()
        await ann.send_json_to("hello")

    @pytest.mark.asyncio
    async def test_consumers_without_a_query_work():
        ann = WebsocketCommunicator(ROOM, "/")
        await ann.connect()
        await ann.send_json_to("hello")
        assert await ann.receive_json_from() == "hello"
"""
)


@needs("pytest_django", "pytest_asyncio")
class DatabaseTests(PytestCase):
    # Some of these are about the database that the suite is run on.
    databases = frozenset({"default"})
    tags = frozenset[str]()

    def test_one_transaction(self) -> None:
        ended = self.pytest(ONE_TRANSACTION, database=None)
        skipped = {"skipped": 1} if ended.skipped else {}
        self.assert_outcomes(ended, passed=5 - len(skipped), **skipped)

    def test_committed(self) -> None:
        # On MariaDB Django cannot load what it has serialized after a flush.
        for chosen, passed in (("not serialized", 4), ("serialized", 1)):
            with self.subTest(chosen):
                ended = self.pytest(COMMITTED, "-k", chosen, database=None)
                self.assert_outcomes(ended, passed=passed)

    def test_a_test_without_a_database(self) -> None:
        ended = self.pytest(FORBIDDEN, database=None)
        self.assert_outcomes(ended, passed=1, failed=2)
        for consumer in ("Room.receive_json", "Notes.receive_json"):
            self.assertRegex(
                ended.printed,
                r"RuntimeError: Database access not allowed, use the .*\n(.*\n)?"
                rf"E\s+{consumer}\(\), at test_inner.py:\d+, uses the database: put"
                r" @pytest.mark.django_db on the test\.",
            )
