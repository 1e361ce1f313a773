"""The same calls in async tests."""

from __future__ import annotations

from django.contrib.auth.models import User

from channels_testkit import ChannelTestCase
from channels_testkit.contrib.djust import (
    AsyncLiveViewTestClient,
    LiveViewTestClient,
    MountRefused,
    NoHandlerFoundError,
)
from tests.app.models import Note

from .test_client import (
    CarefulReport,
    Chat,
    Filter,
    Orders,
    Report,
    Save,
)
from .views import Counter, Members, NoteDetail, Shelf, SignIn


class AsyncClientTests(ChannelTestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        cls.ann = User.objects.create_user("ann", password="secret")
        cls.note = Note.objects.create(text="milk")

    # docs:start djust-counter-async
    async def test_an_event_changes_the_state(self):
        client = await AsyncLiveViewTestClient(Counter).mount()
        await client.send_event("increment")
        client.assert_state(count=1)

    # docs:end djust-counter-async

    async def test_result_tells_what_came_of_the_event(self):
        client = await AsyncLiveViewTestClient(Counter).mount(count=3)
        result = await client.send_event("aincrement")
        self.assertEqual(result["state_before"], {"count": 3})
        self.assertEqual(result["state_after"], {"count": 4})
        self.assertTrue(result["success"])

    async def test_render_returns_what_the_browser_holds(self):
        client = await AsyncLiveViewTestClient(Counter).mount(count=3)
        self.assertEqual(await client.render(), "<p>3</p>")
        await client.send_event("increment")
        self.assertEqual(await client.render(), "<p>4</p>")
        with_ids = await client.render(with_ids=True)
        self.assertEqual(with_ids, '<p dj-id="1">4</p>')

    async def test_contents_of_the_state(self):
        client = await AsyncLiveViewTestClient(Filter).mount()
        client.assert_state_contains(names=["ben"], chosen={"category": ""})
        with self.assertRaises(AssertionError):
            client.assert_state_contains(names=["dan"])

    async def test_broken_handler_is_told_with_its_exception(self):
        client = await AsyncLiveViewTestClient(Counter).mount()
        result = await client.send_event("crash")
        self.assertIsInstance(result.exception, ValueError)

    async def test_failure_that_nobody_looks_at_fails_the_next_action(self):
        client = await AsyncLiveViewTestClient(Counter).mount()
        await client.send_event("crash")
        with self.assertRaisesMessage(AssertionError, "the counter is broken"):
            await client.send_event("increment")

    async def test_missing_handler_raises(self):
        client = await AsyncLiveViewTestClient(Counter).mount()
        with self.assertRaises(NoHandlerFoundError):
            await client.send_event("incremnt")

    async def test_members_see_their_page_and_strangers_do_not(self):
        client = await AsyncLiveViewTestClient(Members, user=self.ann).mount()
        client.assert_state(name="ann")
        with self.assertRaises(MountRefused):
            await AsyncLiveViewTestClient(Members).mount()

    async def test_path_leads_to_its_view(self):
        client = AsyncLiveViewTestClient(f"/notes/{self.note.pk}/")
        await client.mount()
        client.assert_state(text="milk")

    async def test_exception_of_mount_is_raised(self):
        with self.assertRaises(Note.DoesNotExist):
            await AsyncLiveViewTestClient(NoteDetail).mount(pk=404)

    async def test_push_and_patch(self):
        client = await AsyncLiveViewTestClient(Save).mount()
        await client.send_event("save")
        client.assert_push_event("flash", {"type": "success"})
        client = await AsyncLiveViewTestClient(Filter).mount()
        await client.send_event("filter")
        client.assert_patch("/items/", {"page": 2})

    async def test_payload_that_cannot_be_sent_fails(self):
        client = await AsyncLiveViewTestClient(Save).mount()
        with self.assertRaisesMessage(TypeError, "object"):
            await client.send_event("unsendable")

    async def test_redirect_is_followed(self):
        client = await AsyncLiveViewTestClient(SignIn).mount()
        await client.send_event("submit", username="ann", password="secret")
        client.assert_redirect("/counter/")
        counter = await client.follow_redirect()
        counter.assert_state(count=5)

    async def test_background_work_is_held(self):
        client = await AsyncLiveViewTestClient(Report).mount()
        await client.send_event("generate")
        client.assert_state(generating=True)
        await client.render_async()
        client.assert_state(generating=False, report="1 notes")

    async def test_exceptions_of_background_work(self):
        client = await AsyncLiveViewTestClient(Report).mount()
        await client.send_event("fail")
        with self.assertRaisesMessage(OSError, "no paper"):
            await client.render_async()
        client = await AsyncLiveViewTestClient(CarefulReport).mount()
        await client.send_event("fail")
        with self.assertApplicationRaises(OSError):
            await client.render_async()
        client.assert_state(report="no paper")

    async def test_work_that_is_not_let_run_leaves_nothing(self):
        client = await AsyncLiveViewTestClient(Report).mount()
        await client.send_event("generate")
        client.assert_state(generating=True)

    async def test_message_goes_into_the_stream(self):
        client = await AsyncLiveViewTestClient(Chat).mount()
        await client.send_event("post", text="hello")
        client.assert_stream_insert("messages", {"text": "hello"})

    async def test_order_is_counted(self):
        client = await AsyncLiveViewTestClient(Orders).mount()
        await client.trigger_info(
            {"type": "db_notify", "channel": "orders", "payload": {}}
        )
        client.assert_state(count=1)

    async def test_note_is_created(self):
        client = await AsyncLiveViewTestClient(Shelf).mount()
        await client.send_event("create", name="tea")
        client.assert_stream_insert("notes", {"name": "tea"})
        client.assert_push_event("flash", {"type": "success"})
        client.assert_patch("/shelf/", {"highlight": "tea"})
        self.assertTrue(await Note.objects.filter(text="tea").aexists())

    async def test_disconnect_leaves_the_page(self):
        client = await AsyncLiveViewTestClient(Counter).mount()
        await client.disconnect()
        self.assertIsNone(client.consumer.view_instance)
        client.assert_state(count=0)

    async def test_sync_client_is_refused(self):
        with self.assertRaisesMessage(
            RuntimeError, "write 'await AsyncLiveViewTestClient(...).mount(...)'"
        ):
            LiveViewTestClient(Counter).mount()
