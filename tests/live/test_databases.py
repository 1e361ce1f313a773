"""What the threads of a live server find as databases."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import JsonResponse
from django.test import SimpleTestCase, override_settings
from django.urls import path

from channels_testkit import LiveServerTestCase
from channels_testkit.engine import sharing, turns
from channels_testkit.live.databases import check_is_for_tests
from tests.app.models import Note
from tests.utils import OuterTestCase, entered, run_case

from .clients import fetch, fetch_json


def elsewhere(function, *args):
    """Call a function in a thread of its own."""
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(function, *args).result()


def add_and_count(request):
    with transaction.atomic():
        Note.objects.create(text="of the view")
        return JsonResponse({"notes": Note.objects.count()})


def ask_other(request):
    with connections["elsewhere"].cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({})


URLS = (path("add/", add_and_count), path("other/", ask_other))


@override_settings(ROOT_URLCONF=URLS)
class SharingTests(LiveServerTestCase):
    def test_rows_are_seen_from_both_sides(self):
        Note.objects.create(text="of the test")
        url = f"{self.live_server_url}/add/"
        self.assertEqual(fetch_json(url), {"notes": 2})
        self.assertEqual(Note.objects.count(), 2)

    def test_many_blocks_at_once_do_not_mix(self):
        url = f"{self.live_server_url}/add/"
        with ThreadPoolExecutor(8) as executor:
            answers = [executor.submit(fetch, url) for _ in range(24)]
            for _ in range(24):
                with transaction.atomic():
                    Note.objects.create(text="of the test")
        if connection.vendor == "sqlite" and connection.is_in_memory_db():
            # A file may be locked for longer than SQLite waits.
            self.assertEqual({answer.result()[0] for answer in answers}, {200})
            self.assertEqual(Note.objects.count(), 48)

    def test_a_block_that_fails_takes_only_its_own_back(self):
        with self.assertRaises(LookupError), transaction.atomic():
            Note.objects.create(text="taken back")
            raise LookupError
        self.assertEqual(fetch_json(f"{self.live_server_url}/add/"), {"notes": 1})


class OneConnectionTests(OuterTestCase):
    """A connection that threads share, in turns, whatever the database."""

    def setUp(self):
        self.mine = connections["default"]
        self.mine.ensure_connection()
        self.addCleanup(Note.objects.all().delete)
        entered(self, sharing.shared([self.mine]))

    def test_every_thread_has_it(self):
        self.assertIs(elsewhere(lambda: connections["default"]), self.mine)

    def test_a_thread_waits_for_the_end_of_a_block(self):
        counts = []
        counted = threading.Event()

        def count():
            counts.append(Note.objects.count())
            counted.set()

        with transaction.atomic():
            thread = threading.Thread(target=count)
            thread.start()
            Note.objects.create(text="unseen")
            self.assertFalse(counted.is_set())
            transaction.set_rollback(True)
        thread.join()
        self.assertEqual(counts, [0])

    def test_one_that_waits_in_vain_is_told(self):
        text = (
            r"^Database 'default' is locked: the test is inside the atomic\(\) block"
            r" entered at test_databases\.py:\d+ in test_one_that_waits_in_vain_is_told"
            r"\(\), and thread '.+' has waited for 0\.01 s, at test_databases\.py:\d+"
            r" in count\(\)\. All threads share the connection of a database in memory,"
            r" in turns\. Leave the block before you wait for another thread, or test"
            r" on a database in a file\.$"
        )

        def count():
            return Note.objects.count()

        with mock.patch.object(turns, "_SECONDS_TO_WAIT", 0.01):
            with transaction.atomic():
                with self.assertRaisesRegex(OperationalError, text):
                    elsewhere(count)

    def test_a_block_that_cannot_begin_ends_its_turn(self):
        with mock.patch.object(self.mine, "set_autocommit", side_effect=LookupError):
            with self.assertRaises(LookupError), transaction.atomic():
                self.fail("the block was entered")
        self.assertEqual(elsewhere(Note.objects.count), 0)

    def test_rows_are_fetched_in_the_turn_of_their_query(self):
        Note.objects.bulk_create(Note(text=f"{n}") for n in range(4))
        with connection.cursor() as cursor:
            cursor.execute("SELECT text FROM app_note ORDER BY text")
            elsewhere(lambda: Note.objects.create(text="later"))
            self.assertEqual(cursor.fetchone(), ("0",))
            self.assertEqual(list(cursor.fetchmany(1)), [("1",)])
            self.assertEqual(next(iter(cursor)), ("2",))
            self.assertEqual(list(cursor.fetchall()), [("3",)])
            self.assertIsNone(cursor.fetchone())
            empty = connection.features.empty_fetchmany_value
            self.assertEqual(cursor.fetchmany(1), empty)

    def test_a_row_is_not_taken_back_with_those_of_others(self):
        def take_back():
            with self.assertRaises(LookupError), transaction.atomic():
                raise LookupError

        with connection.cursor() as cursor:
            # It is under way until somebody fetches what it returns.
            cursor.execute("INSERT INTO app_note (text) VALUES ('kept') RETURNING text")
            elsewhere(take_back)
            self.assertEqual(cursor.fetchone(), ("kept",))
        self.assertEqual(Note.objects.count(), 1)

    def test_what_fails_outside_of_a_block_breaks_none(self):
        has_begun, may_end = threading.Event(), threading.Event()

        def fail():
            # As save() does.
            with transaction.mark_for_rollback_on_error():
                has_begun.set()
                may_end.wait(10)
                raise LookupError

        with ThreadPoolExecutor(1) as executor:
            failing = executor.submit(fail)
            has_begun.wait(10)
            with mock.patch.object(turns, "_SECONDS_TO_WAIT", 0.01):
                with self.assertRaises(OperationalError), transaction.atomic():
                    self.fail("the block was entered")
            may_end.set()
            self.assertIsInstance(failing.exception(), LookupError)
        self.assertFalse(self.mine.needs_rollback)

    def test_on_commit_is_about_blocks_of_the_same_thread(self):
        called = []
        with mock.patch.object(turns, "_SECONDS_TO_WAIT", 0.01):
            with transaction.atomic(), self.assertRaises(OperationalError):
                elsewhere(transaction.on_commit, lambda: called.append("by a block"))
        elsewhere(transaction.on_commit, lambda: called.append("at once"))
        self.assertEqual(called, ["at once"])

    def test_a_mirror_is_the_same_database(self):
        mirror = self.mine.copy("mirror")
        # close() itself leaves a database in memory open.
        self.addCleanup(BaseDatabaseWrapper.close, mirror)
        entered(self, sharing.shared([self.mine, mirror]))
        with mock.patch.object(turns, "_SECONDS_TO_WAIT", 0.01):
            with transaction.atomic(), self.assertRaises(OperationalError):
                elsewhere(Note.objects.using("mirror").count)
        self.assertEqual(elsewhere(Note.objects.using("mirror").count), 0)

    def test_other_threads_are_in_no_block(self):
        def blocks():
            return [len(it.atomic_blocks) for it in sharing.connections_in_use()]

        with transaction.atomic():
            self.assertIn(1, blocks())
            self.assertEqual(elsewhere(blocks), [])


class NoOthersTests(OuterTestCase):
    def test_a_database_that_the_class_does_not_name_is_refused(self):
        class Inner(LiveServerTestCase):
            def test_it(self):
                fetch(f"{self.live_server_url}/other/")

        databases = {**connections.settings, "elsewhere": connection.settings_dict}
        with mock.patch.object(connections, "settings", databases):
            result = run_case(override_settings(ROOT_URLCONF=URLS)(Inner))
        # Django's own refusal, which is told as anything that a view raises.
        self.assertIn("Add 'elsewhere' to ", result.texts[0])

    def test_a_database_that_no_runner_has_made_is_not_served_on(self):
        class Inner(LiveServerTestCase):
            def test_it(self):
                self.fail("it ran")

        test = {**connection.settings_dict["TEST"], "NAME": None}
        real = {"NAME": "precious", "TEST": test}
        with mock.patch.dict(connection.settings_dict, real):
            result = run_case(Inner)
        self.assertIsInstance(result.raised[0], ImproperlyConfigured)
        self.assertEqual(
            result.texts,
            [
                "Database 'default' is 'precious', which is not a test database:"
                " a live server would write to it, and tests would flush it. Run the"
                " tests with manage.py test or pytest-django."
            ],
        )


class CheckTests(SimpleTestCase):
    def check(self, name, own_name=None, vendor="postgresql"):
        found = mock.Mock(spec=["alias", "settings_dict", "vendor"], vendor=vendor)
        found.settings_dict = {"NAME": name, "TEST": {"NAME": own_name}}
        check_is_for_tests(found)

    def test_what_runners_call_their_databases_is_taken(self):
        for name, own_name in [
            ("test_shop", None),
            ("test_shop_2", None),
            ("test_shop_gw0", None),
            ("/tmp/test_shop.sqlite3", None),
            ("checks", "checks"),
            ("checks_1", "checks"),
            ("/tmp/checks.sqlite3", "/tmp/checks.sqlite3"),
            ("/tmp/checks_2.sqlite3", "/tmp/checks.sqlite3"),
        ]:
            with self.subTest(name, own_name=own_name):
                self.check(name, own_name)

    def test_others_are_not(self):
        for name, own_name in [("shop", None), ("shop", "checks"), ("", None)]:
            with self.subTest(name, own_name=own_name):
                with self.assertRaises(ImproperlyConfigured):
                    self.check(name, own_name)
