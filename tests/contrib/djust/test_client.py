"""djust's calls on djust's own consumer, in sync tests."""

from __future__ import annotations

import uuid
from typing import Any
from unittest import mock

from asgiref.sync import async_to_sync
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.test import override_settings
from djust import LiveView
from djust.async_result import AsyncResult
from djust.config import config
from djust.decorators import event_handler
from djust.push import push_to_view

from channels_testkit import ChannelTestCase, WebsocketTestCase
from channels_testkit.contrib.djust import (
    LiveViewTestClient,
    MountRefused,
    NoHandlerFoundError,
)
from channels_testkit.websocket.subjects import driver_of
from tests.app.models import Note

from .views import Counter, Members, NoteDetail, Shelf, SignIn


# docs:start djust-save-view
class Save(LiveView):
    template = "<div dj-root><p>{{ saved }}</p></div>"

    def mount(self, request, **kwargs):
        self.saved = 0

    @event_handler
    def save(self, **kwargs):
        self.saved += 1
        self.push_event("flash", {"type": "success", "message": "saved"})

    # docs:end djust-save-view

    @event_handler
    def unsendable(self, **kwargs: Any) -> None:
        self.push_event("flash", {"what": object()})

    @event_handler
    def nothing(self, **kwargs: Any) -> None:
        pass


class Filter(LiveView):
    template = "<div dj-root><p>{{ page }}</p></div>"

    def mount(self, request: Any, **kwargs: Any) -> None:
        self.page = 1
        self.chosen = {"category": "", "tags": ["new", "old"]}
        self.names = ["ann", "ben", {"name": "cat", "age": 3}]

    @event_handler
    def filter(self, **kwargs: Any) -> None:
        self.live_patch(params={"page": 2, "category": "books"}, path="/items/")

    @event_handler
    def retag(self, **kwargs: Any) -> None:
        self.chosen["tags"].append("hot")


# docs:start djust-report-view
class Report(LiveView):
    template = "<div dj-root><p>{{ generating }} {{ report }}</p></div>"

    def mount(self, request, **kwargs):
        self.generating, self.report = False, ""

    @event_handler
    def generate(self, **kwargs):
        self.generating = True
        self.start_async(self._build)

    def _build(self):
        self.report = f"{Note.objects.count()} notes"
        self.generating = False

    # docs:end djust-report-view

    @event_handler
    def chain(self, **kwargs: Any) -> None:
        self.start_async(self._first, name="first")

    def _first(self) -> None:
        self.report = "first"
        self.start_async(self._second, name="second")

    def _second(self) -> None:
        self.report = "second"

    @event_handler
    def fail(self, **kwargs: Any) -> None:
        self.start_async(self._fail)

    def _fail(self) -> None:
        raise OSError("no paper")


class LoadedReport(LiveView):
    """Loads by ``assign_async()``, from its mount and from an event."""

    template = "<div dj-root><p>{{ notes.ok }} {{ sizes.failed }}</p></div>"
    notes = sizes = None

    def mount(self, request: Any, **kwargs: Any) -> None:
        self.assign_async("notes", Note.objects.count)

    @event_handler
    def measure(self, **kwargs: Any) -> None:
        self.assign_async("sizes", self._measure)

    async def _measure(self) -> Any:
        raise OSError("no ruler")


class GuardedReport(LiveView):
    """Tells of what its background work has raised."""

    template = "<div dj-root><p>{{ generating }} {{ error }}</p></div>"

    def mount(self, request: Any, **kwargs: Any) -> None:
        self.generating, self.report, self.error = False, None, ""

    @event_handler
    def generate(self, paper: bool = True, **kwargs: Any) -> None:
        self.generating = True
        self.start_async(self._build, paper=paper)

    def _build(self, *, paper: bool) -> None:
        try:
            if not paper:
                raise OSError("no paper")
            self.report = "10 pages"
        except OSError as error:
            self.error = str(error)
        finally:
            self.generating = False


class Door(LiveView):
    template = "<div dj-root><p>a door</p></div>"

    def mount(self, request: Any, **kwargs: Any) -> None:
        pass

    @event_handler
    def enter(self, **kwargs: Any) -> None:
        self.live_redirect("/members/")


class CarefulReport(Report):
    def handle_async_result(self, name: str, result: Any, error: Any) -> None:
        if error is not None:
            self.report = str(error)


class Chat(LiveView):
    template = "<ul dj-root dj-stream='messages'></ul>"

    def mount(self, request: Any, **kwargs: Any) -> None:
        self.stream("messages", [])

    @event_handler
    def post(self, text: str = "", **kwargs: Any) -> None:
        self.stream_insert("messages", {"id": uuid.uuid4().hex, "text": text})

    @event_handler
    def pin(self, pk: int = 0, **kwargs: Any) -> None:
        self.stream_insert("messages", Note.objects.get(pk=pk))


class Orders(LiveView):
    template = "<div dj-root><p>{{ count }}</p></div>"

    def mount(self, request: Any, **kwargs: Any) -> None:
        self.listen("orders")
        self.count = 0

    def handle_info(self, message: Any) -> None:
        if message["payload"].get("event") == "broken":
            raise LookupError("no such order")
        self.count += 1


class CounterTests(ChannelTestCase):
    # docs:start djust-counter
    def test_an_event_changes_the_state(self):
        client = LiveViewTestClient(Counter).mount()
        client.send_event("increment")
        client.assert_state(count=1)

    # docs:end djust-counter

    def test_mount_takes_parameters(self):
        client = LiveViewTestClient(Counter).mount(count=3)
        self.assertEqual(client.get_state(), {"count": 3})

    def test_result_tells_what_came_of_the_event(self):
        client = LiveViewTestClient(Counter).mount(count=3)
        result = client.send_event("increment", by="2")
        self.assertEqual(result["state_before"], {"count": 3})
        self.assertEqual(result["state_after"], {"count": 5})
        self.assertTrue(result["success"])
        self.assertIsNone(result["error"])
        self.assertGreater(result["duration_ms"], 0)
        client.assert_frame({"type": "patch", "event_name": "increment"})

    def test_async_handler_is_awaited(self):
        client = LiveViewTestClient(Counter).mount()
        client.send_event("aincrement")
        client.assert_state(count=1)

    def test_render_returns_what_the_browser_holds(self):
        client = LiveViewTestClient(Counter).mount(count=3)
        self.assertEqual(client.render(), "<p>3</p>")
        client.send_event("increment")
        self.assertEqual(client.render(), "<p>4</p>")
        self.assertEqual(client.render("rust"), "<p>4</p>")
        self.assertEqual(client.render(with_ids=True), '<p dj-id="1">4</p>')

    def test_another_engine_is_refused(self):
        client = LiveViewTestClient(Counter).mount()
        with self.assertRaisesMessage(ValueError, "'rust', not 'django'."):
            client.render(engine="django")

    def test_other_state_fails_and_says_what_the_turn_held(self):
        client = LiveViewTestClient(Counter).mount()
        client.send_event("increment")
        with self.assertRaises(AssertionError) as caught:
            client.assert_state(count=2)
        text = (
            "State variable 'count': expected 2, got 1.\n\n"
            "The turn of send_event('increment') held:\n"
            '     1  {"type": "patch", "patches": [{"type": "SetText", "path": [0, 0],'
            ' "text": "1"}], "version": 2, "event_name": "increment", "source":'
            ' "event", "ref": 1}'
        )
        self.assertEqual(str(caught.exception), text)

    def test_unknown_state_fails_and_names_the_closest(self):
        client = LiveViewTestClient(Counter).mount()
        with self.assertRaisesMessage(
            AssertionError,
            "State variable 'cuont' not found. Available: ['count']. Did you mean"
            " 'count'?",
        ):
            client.assert_state(cuont=1)

    def test_state_of_the_class_can_be_asserted(self):
        client = LiveViewTestClient(Counter).mount()
        client.assert_state(template=Counter.template)

    def test_call_before_mount_says_so(self):
        with self.assertRaisesMessage(
            RuntimeError, "View not mounted. Call client.mount() first."
        ):
            LiveViewTestClient(Counter).get_state()


class FailingEventTests(ChannelTestCase):
    # docs:start djust-failing
    def test_a_handler_that_raises(self):
        client = LiveViewTestClient(Counter).mount()
        result = client.send_event("crash")
        self.assertFalse(result["success"])
        self.assertIsInstance(result.exception, ValueError)

    # docs:end djust-failing

    def test_failure_that_nobody_looks_at_fails_the_next_action(self):
        client = LiveViewTestClient(Counter).mount()
        client.send_event("crash")
        with self.assertRaises(AssertionError) as caught:
            client.send_event("increment")
        self.assertEqual(
            str(caught.exception),
            "send_event('crash') failed on the server: the counter is broken\n\n"
            "If the test expects this, look at 'success' or 'error' of the result.",
        )
        self.assertIsInstance(caught.exception.__cause__, ValueError)

    def test_assertion_after_a_crash_carries_the_exception(self):
        client = LiveViewTestClient(Counter).mount()
        client.send_event("crash")
        with self.assertRaises(AssertionError) as caught:
            client.assert_state(count=1)
        self.assertIn("ValueError: the counter is broken", str(caught.exception))
        self.assertIsInstance(caught.exception.__cause__, ValueError)

    def test_expected_exception_is_taken(self):
        client = LiveViewTestClient(Counter).mount()
        with self.assertApplicationRaises(ValueError) as caught:
            client.send_event("crash")
        self.assertEqual(str(caught.exception), "the counter is broken")

    def test_missing_handler_raises(self):
        client = LiveViewTestClient(Counter).mount()
        with self.assertRaises(NoHandlerFoundError) as caught:
            client.send_event("incremnt")
        self.assertEqual(
            str(caught.exception),
            "No handler found for event: incremnt. The handlers of Counter:"
            " 'aincrement', 'crash', 'guarded', 'increment', 'rare', 'update_model'."
            " Did you mean 'increment'?",
        )

    def test_missing_handler_can_be_looked_at(self):
        client = LiveViewTestClient(Counter).mount()
        result = client.send_event("incremnt", raise_on_missing=False)
        self.assertIn("No handler found for event: incremnt.", result["error"])
        self.assertIn("Did you mean 'increment'?", result["error"])
        client.assert_state(count=0)

    def test_missing_handler_that_nobody_looks_at_fails_the_next_action(self):
        client = LiveViewTestClient(Counter).mount()
        client.send_event("incremnt", False)  # noqa: FBT003 - as djust's takes it
        with self.assertRaisesMessage(AssertionError, "No handler found for event:"):
            client.send_event("increment")

    def test_method_that_is_no_handler_is_refused(self):
        client = LiveViewTestClient(Counter).mount()
        result = client.send_event("not_a_handler")
        self.assertEqual(
            (result["success"], result["error"]), (False, "Event rejected")
        )
        client.assert_state(count=0)

    def test_wrong_parameters_are_refused(self):
        client = LiveViewTestClient(Counter).mount()
        result = client.send_event("increment", by="two")
        self.assertIn("wrong parameter types", result["error"])

    def test_exception_of_mount_is_raised(self):
        with self.assertRaises(Note.DoesNotExist):
            LiveViewTestClient(NoteDetail).mount(pk=404)

    def test_payload_that_cannot_be_sent_fails(self):
        client = LiveViewTestClient(Save).mount()
        with self.assertRaisesMessage(TypeError, "object"):
            client.send_event("unsendable")


class LoginTests(ChannelTestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        cls.ann = User.objects.create_user("ann")

    # docs:start djust-login
    def test_members_see_their_page(self):
        client = LiveViewTestClient(Members, user=self.ann).mount()
        client.assert_state(name="ann")

    def test_a_stranger_has_to_log_in(self):
        with self.assertRaises(MountRefused) as caught:
            LiveViewTestClient(Members).mount()
        (frame,) = caught.exception.turn.find({"type": "navigate"})
        self.assertEqual(frame["to"], "/login/")

    # docs:end djust-login

    def test_refusal_says_what_came(self):
        with self.assertRaises(MountRefused) as caught:
            LiveViewTestClient(Members, user=AnonymousUser()).mount()
        text, _, _ = str(caught.exception).partition("\n\n")
        self.assertEqual(
            text,
            "Members was not mounted: the browser is sent to '/login/'; the connection"
            " was closed with code 4403.",
        )

    def test_login_is_a_real_session(self):
        client = LiveViewTestClient(Members, user=self.ann).mount()
        self.assertTrue(client.get_state()["session_key"])

    def test_permission_is_asked_for(self):
        client = LiveViewTestClient(Counter, user=self.ann).mount()
        self.assertEqual(client.send_event("guarded")["error"], "Permission denied")
        self.ann.user_permissions.add(Permission.objects.get(codename="change_note"))
        client = LiveViewTestClient(Counter, user=User.objects.get()).mount()
        client.send_event("guarded")
        client.assert_state(count=1000)

    def test_cookies_of_a_django_client_log_in(self):
        self.client.force_login(self.ann)
        client = LiveViewTestClient(Members, client=self.client).mount()
        client.assert_state(name="ann")


class PathTests(ChannelTestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        cls.note = Note.objects.create(text="milk")

    # docs:start djust-path
    def test_a_path_leads_to_its_view(self):
        client = LiveViewTestClient(f"/notes/{self.note.pk}/?highlight=yes").mount()
        client.assert_state(text="milk", highlight="yes")

    # docs:end djust-path

    def test_parameters_of_the_url_are_handled(self):
        client = LiveViewTestClient("/shelf/?page=5").mount()
        client.assert_state(page=5)

    def test_path_of_no_live_view_is_refused(self):
        for path in ("/plain/", "/nowhere/"):
            with self.assertRaises(ValueError) as caught:
                LiveViewTestClient(path)
            text = f"No LiveView is routed at {path!r}."
            self.assertEqual(str(caught.exception), text)

    def test_anything_else_is_refused(self):
        with self.assertRaisesMessage(TypeError, "takes a LiveView class or the path"):
            LiveViewTestClient(Note)

    def test_view_made_in_a_function_mounts(self):
        class Counter(LiveView):
            template = "<div dj-root><p>local</p></div>"

        names = set(globals())
        # After the client's own clean-ups.
        self.addCleanup(lambda: self.assertEqual(set(globals()), names))
        client = LiveViewTestClient(Counter).mount()
        self.assertIn("local", client.render())
        self.assertNotEqual(set(globals()), names)

    @override_settings(LIVEVIEW_ALLOWED_MODULES=["elsewhere"])
    def test_view_of_the_test_module_mounts_whatever_is_allowed(self):
        LiveViewTestClient(Save).mount().assert_state(saved=0)

    @override_settings(LIVEVIEW_ALLOWED_MODULES=["elsewhere"])
    def test_view_of_the_project_has_to_be_allowed(self):
        with self.assertRaisesMessage(MountRefused, "View not found"):
            LiveViewTestClient(Counter).mount()


class StateTests(ChannelTestCase):
    # docs:start djust-contains
    def test_parts_of_the_state(self):
        client = LiveViewTestClient(Filter).mount()
        client.assert_state_contains(
            template="{{ page }}",
            chosen={"category": ""},
            names=["ben", {"name": "cat"}],
        )

    # docs:end djust-contains

    def test_one_item_of_a_list(self):
        LiveViewTestClient(Filter).mount().assert_state_contains(names="ann")

    def test_what_is_not_there_fails(self):
        client = LiveViewTestClient(Filter).mount()
        for expected in (
            {"template": "{{ pages }}"},
            {"chosen": {"category": "books"}},
            {"names": ["ann", "dan"]},
            {"names": "an"},
            {"page": 2},
        ):
            with self.subTest(expected), self.assertRaises(AssertionError) as caught:
                client.assert_state_contains(**expected)
            ((name, value),) = expected.items()
            actual = client.page.value(client.consumer, name)
            text = (
                f"State variable {name!r}: expected to contain {value!r}, got"
                f" {actual!r}.\n\n"
            )
            self.assertTrue(str(caught.exception).startswith(text))

    def test_change_in_place_is_seen(self):
        client = LiveViewTestClient(Filter).mount()
        result = client.send_event("retag")
        self.assertEqual(result["state_before"]["chosen"]["tags"], ["new", "old"])
        self.assertEqual(result["state_after"]["chosen"]["tags"], ["new", "old", "hot"])


class PushTests(ChannelTestCase):
    # docs:start djust-push
    def test_saving_says_so(self):
        client = LiveViewTestClient(Save).mount()
        client.send_event("save")
        client.assert_push_event("flash", {"type": "success"})

    # docs:end djust-push

    def test_push_of_an_earlier_event_does_not_count(self):
        client = LiveViewTestClient(Save).mount()
        client.send_event("save")
        client.send_event("nothing")
        with self.assertRaises(AssertionError) as caught:
            client.assert_push_event("flash", {"type": "success"})
        self.assertEqual(
            str(caught.exception),
            "Expected push_event('flash', {'type': 'success'}) but handler queued:"
            " (none)\n\nThe turn of send_event('nothing') held:\n"
            '     1  {"type": "noop", "source": "event", "event_name": "nothing",'
            ' "ref": 2}',
        )

    def test_other_payload_or_name_fails(self):
        client = LiveViewTestClient(Save).mount()
        client.send_event("save")
        self.assertEqual(client.assert_push_event("flash")["message"], "saved")
        for expected in (("flash", {"type": "error"}), ("flush", None)):
            with self.assertRaises(AssertionError):
                client.assert_push_event(*expected)


class NavigationTests(ChannelTestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        User.objects.create_user("ann", password="secret")

    # docs:start djust-patch
    def test_filtering_changes_the_url(self):
        client = LiveViewTestClient(Filter).mount()
        client.send_event("filter")
        client.assert_patch("/items/", {"page": 2})

    # docs:end djust-patch

    def test_other_patch_fails(self):
        client = LiveViewTestClient(Filter).mount()
        client.send_event("filter")
        client.assert_patch()
        for expected in (("/other/",), ("/items/", {"page": 3})):
            with self.assertRaises(AssertionError):
                client.assert_patch(*expected)
        with self.assertRaisesMessage(AssertionError, "Expected a live_redirect, but"):
            client.assert_redirect()

    # docs:start djust-redirect
    def test_signing_in_leads_to_the_counter(self):
        client = LiveViewTestClient(SignIn).mount()
        client.send_event("submit", username="ann", password="secret")
        client.assert_redirect("/counter/")
        counter = client.follow_redirect()
        counter.send_event("increment")
        counter.assert_state(count=6)

    # docs:end djust-redirect

    def test_client_that_has_gone_on_can_do_no_more(self):
        client = LiveViewTestClient(SignIn).mount()
        client.send_event("submit", username="ann", password="secret")
        counter = client.follow_redirect()
        self.assertEqual(counter.render(), "<p>5</p>")
        client.assert_redirect("/counter/", {"count": 5})
        with self.assertRaisesMessage(RuntimeError, "followed a redirect"):
            client.send_event("submit")

    def test_login_goes_along(self):
        ann = User.objects.get()
        client = LiveViewTestClient(Door, user=ann).mount()
        client.send_event("enter")
        client.follow_redirect().assert_state(name="ann")

    def test_page_for_others_refuses_who_is_led_there(self):
        client = LiveViewTestClient(Door).mount()
        client.send_event("enter")
        with self.assertRaises(MountRefused) as caught:
            client.follow_redirect()
        verdict, _, _ = str(caught.exception).partition("\n\n")
        self.assertEqual(
            verdict,
            "Members was not mounted: the browser is sent to '/login/'; the connection"
            " was closed with code 4403.",
        )

    def test_there_must_be_a_redirect(self):
        client = LiveViewTestClient(SignIn).mount()
        client.send_event("submit", username="ann", password="wrong")
        client.assert_state(error="wrong")
        with self.assertRaisesMessage(
            AssertionError, "Expected a live_redirect to follow"
        ):
            client.follow_redirect()

    def test_redirect_to_another_page_is_not_followed(self):
        client = LiveViewTestClient(SignIn).mount()
        client.send_event("elsewhere")
        with self.assertRaisesMessage(AssertionError, "'/plain/' is not a LiveView"):
            client.follow_redirect()


class BackgroundTests(ChannelTestCase):
    # docs:start djust-async
    def test_a_report_is_built_in_the_background(self):
        client = LiveViewTestClient(Report).mount()
        client.send_event("generate")
        client.assert_state(generating=True)
        client.render_async()
        client.assert_state(generating=False, report="0 notes")

    # docs:end djust-async

    def test_its_frames_belong_to_the_turn(self):
        client = LiveViewTestClient(Report).mount()
        client.send_event("generate")
        client.assert_no_frame({"source": "async"})
        client.render_async()
        client.assert_frame({"type": "patch", "source": "async"})
        client.assert_frame({"type": "patch", "async_pending": True})

    def test_work_that_work_has_queued_waits_for_the_next_event(self):
        client = LiveViewTestClient(Report).mount()
        client.send_event("chain")
        client.render_async()
        client.assert_state(report="first")
        with self.assertRaisesMessage(
            AssertionError,
            "No background work is running. 'second' was queued by background work;"
            " djust starts it with the next event.",
        ):
            client.render_async()
        client.send_event("generate")
        client.render_async()
        client.assert_state(generating=False)
        self.assertIn(client.get_state()["report"], {"second", "0 notes"})

    def test_without_work_nothing_happens(self):
        client = LiveViewTestClient(Report).mount()
        client.render_async()
        client.assert_no_frame({"source": "async"})

    def test_exception_is_raised(self):
        client = LiveViewTestClient(Report).mount()
        client.send_event("fail")
        with self.assertRaisesMessage(OSError, "no paper"):
            client.render_async()

    def test_view_that_handles_the_exception_is_told(self):
        client = LiveViewTestClient(CarefulReport).mount()
        client.send_event("fail")
        with self.assertRaisesMessage(OSError, "no paper"):
            client.render_async()
        client.assert_state(report="no paper")

    def test_work_that_is_not_let_run_leaves_nothing(self):
        client = LiveViewTestClient(Report).mount()
        client.send_event("generate")
        client.assert_state(generating=True)

    def test_clients_wait_each_for_its_own(self):
        one, other = (LiveViewTestClient(Report).mount() for _ in range(2))
        one.send_event("generate")
        other.send_event("generate")
        other.render_async()
        one.assert_state(generating=True)
        other.assert_state(generating=False)

    def test_guarded_work_tells_what_it_has_raised(self):
        client = LiveViewTestClient(GuardedReport).mount()
        client.send_event("generate", paper=False)
        client.assert_state(generating=True, error="")
        client.render_async()
        client.assert_state(generating=False, error="no paper")
        client.send_event("generate")
        client.render_async()
        self.assertEqual(client.view_instance.report, "10 pages")

    def test_what_is_assigned_later_is_loading_until_then(self):
        client = LiveViewTestClient(LoadedReport).mount()
        self.assertTrue(client.view_instance.notes.loading)
        client.render_async()
        self.assertTrue(client.view_instance.notes.ok)
        client.assert_state(notes=AsyncResult.succeeded(0))
        client.assert_frame({"type": "patch", "source": "async"})

    def test_what_cannot_be_assigned_later_has_failed(self):
        client = LiveViewTestClient(LoadedReport).mount()
        client.render_async()
        client.send_event("measure")
        client.render_async()
        self.assertTrue(client.view_instance.sizes.failed)
        self.assertIsInstance(client.view_instance.sizes.error, OSError)


class StreamTests(ChannelTestCase):
    # docs:start djust-stream
    def test_a_message_goes_into_the_stream(self):
        client = LiveViewTestClient(Chat).mount()
        client.send_event("post", text="hello")
        client.assert_stream_insert("messages", {"text": "hello"})

    # docs:end djust-stream

    def test_item_that_is_no_dict_is_equal(self):
        note = Note.objects.create(text="milk")
        client = LiveViewTestClient(Chat).mount()
        client.send_event("pin", pk=note.pk)
        client.assert_stream_insert("messages", note)
        other = Note.objects.create(text="tea")
        with self.assertRaisesMessage(
            AssertionError, "Expected stream_insert('messages', <Note: tea>)"
        ):
            client.assert_stream_insert("messages", other)

    def test_insertion_of_an_earlier_event_does_not_count(self):
        client = LiveViewTestClient(Chat).mount()
        client.send_event("post", text="hello")
        client.send_event("post", text="again")
        inserted = client.assert_stream_insert("messages")
        self.assertEqual(inserted["text"], "again")
        with self.assertRaises(AssertionError) as caught:
            client.assert_stream_insert("messages", {"text": "hello"})
        self.assertIn("but the last event inserted: [{'id':", str(caught.exception))
        with self.assertRaises(AssertionError):
            client.assert_stream_insert("others")

    def test_djust_sends_no_operation_of_a_stream(self):
        client = LiveViewTestClient(Chat).mount()
        client.send_event("post", text="hello")
        client.assert_frame({"type": "noop"})


class NotificationTests(ChannelTestCase):
    # docs:start djust-info
    def test_an_order_is_counted(self):
        client = LiveViewTestClient(Orders).mount()
        payload = {"event": "save"}
        client.trigger_info(
            {"type": "db_notify", "channel": "orders", "payload": payload}
        )
        client.assert_state(count=1)

    # docs:end djust-info

    def test_page_is_rendered(self):
        client = LiveViewTestClient(Orders).mount()
        result = client.trigger_info(
            {"type": "db_notify", "channel": "orders", "payload": {}}
        )
        self.assertEqual(result["state_before"], {"count": 0})
        self.assertEqual(result["state_after"], {"count": 1})
        client.assert_frame({"type": "patch", "source": "broadcast"})

    def test_exception_is_told(self):
        client = LiveViewTestClient(Orders).mount()
        payload = {"event": "broken"}
        result = client.trigger_info(
            {"type": "db_notify", "channel": "orders", "payload": payload}
        )
        self.assertIsInstance(result.exception, LookupError)

    def test_view_that_does_not_listen_fails(self):
        client = LiveViewTestClient(Orders).mount()
        with self.assertRaisesMessage(
            AssertionError, "Orders does not listen to 'others'."
        ):
            client.trigger_info({"type": "db_notify", "channel": "others"})

    def test_message_that_djust_would_not_send_is_refused(self):
        client = LiveViewTestClient(Orders).mount()
        for message in ({"type": "chat"}, {"type": "db_notify", "user": "ann"}):
            with self.assertRaisesMessage(ValueError, "djust calls handle_info() with"):
                client.trigger_info(message)


class TogetherTests(ChannelTestCase):
    # docs:start djust-together
    def test_a_note_is_created(self):
        client = LiveViewTestClient(Shelf).mount()
        client.send_event("create", name="milk")
        client.assert_stream_insert("notes", {"name": "milk"})
        client.assert_push_event("flash", {"type": "success"})
        client.assert_patch("/shelf/", {"highlight": "milk"})
        client.assert_frame({"type": "patch"})
        self.assertTrue(Note.objects.filter(text="milk").exists())

    # docs:end djust-together

    def test_rows_of_the_test_are_seen(self):
        Note.objects.create(text="tea")
        LiveViewTestClient(Shelf).mount().assert_state(total=1)


class PushToViewTests(ChannelTestCase):
    def test_what_the_project_pushes_belongs_to_the_turn(self):
        client = LiveViewTestClient(Counter).mount()
        push_to_view("tests.contrib.djust.views.Counter", state={"count": 7})
        self.settle()
        client.assert_state(count=7)
        client.assert_frame({"type": "patch", "source": "broadcast"})


class IsolationTests(ChannelTestCase):
    """Each of these fails after the others where something leaks."""

    def use_up(self) -> list[Any]:
        client = LiveViewTestClient(Counter).mount()
        return [client.send_event("rare")["error"] for _ in range(3)]

    def test_rate_of_a_handler_is_limited(self):
        refused = "Rate limit exceeded, event dropped"
        self.assertEqual(self.use_up(), [None, None, refused])

    def test_rate_of_a_handler_starts_anew(self):
        refused = "Rate limit exceeded, event dropped"
        self.assertEqual(self.use_up(), [None, None, refused])

    def test_connection_may_send_as_fast_as_it_can(self):
        client = LiveViewTestClient(Counter).mount()
        for _ in range(100):
            client.send_event("increment")
        client.assert_state(count=100)

    def test_more_connections_than_an_address_may_have(self):
        clients = [LiveViewTestClient(Counter).mount() for _ in range(12)]
        clients[-1].assert_state(count=0)

    def flood(self) -> None:
        # The rate is one that no machine is too slow for.
        limits = {**config.get("rate_limit"), "rate": 0.001, "burst": 3}
        with mock.patch.dict(config._config, rate_limit=limits):
            client = LiveViewTestClient(Counter, rate_limits=True).mount()
        errors = [client.send_event("increment")["error"] for _ in range(5)]
        dropped = "Too many messages, some events are being dropped"
        self.assertEqual(errors[:4], [None, None, dropped, dropped])
        self.assertEqual(driver_of(client.communicator).connection.close_code, 4429)

    def test_flood_is_cut_where_limits_are_asked_for(self):
        self.flood()

    def test_address_is_not_banned_after_a_flood(self):
        self.flood()

    def test_listener_of_the_database_is_not_started(self):
        with mock.patch.dict("sys.modules", psycopg=None):
            LiveViewTestClient(Orders).mount().assert_state(count=0)


class WebsocketTestCaseTests(WebsocketTestCase):
    """The clients work in it as well, beside plain connections."""

    ws_path = "/ws/live/"

    def test_client_and_connection_live_side_by_side(self):
        client = LiveViewTestClient(Counter).mount()
        ann = self.connect()
        self.assertReceivesJson(ann, {"type": "connect"}, partial=True)
        client.disconnect()
        client.assert_frame({"type": "mount"})
        ann.disconnect()

    def test_layer_is_captive(self):
        LiveViewTestClient(Counter).mount()
        layer_send = async_to_sync(self.channel_layer.group_send)
        layer_send("djust_hotreload", {"type": "nothing.like.it"})
        with self.assertRaises(ValueError):
            self.settle()
