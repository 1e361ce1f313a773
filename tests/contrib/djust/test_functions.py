"""The client in plain functions of pytest, as djust's own page has them."""

from __future__ import annotations

from tests.pytest_plugin.inner import PytestCase, needs

FUNCTIONS = """
    import pytest
    from django.contrib.auth.models import User
    from djust import LiveView
    from djust.decorators import event_handler

    from channels_testkit.contrib.djust import (
        AsyncLiveViewTestClient,
        LiveViewTestClient,
        NoHandlerFoundError,
    )
    from tests.app.models import Note
    from tests.contrib.djust.test_client import Chat, Filter, Orders, Report, Save
    from tests.contrib.djust.views import Counter, Members, Shelf

    def test_counter_increments():
        client = LiveViewTestClient(Counter).mount()
        client.send_event("increment")
        client.assert_state(count=1)
        assert ">1</p>" in client.render()

    def test_push_event():
        client = LiveViewTestClient(Save).mount()
        client.send_event("save")
        client.assert_push_event("flash", {"type": "success"})

    def test_patch():
        client = LiveViewTestClient(Filter).mount()
        client.send_event("filter")
        client.assert_patch("/items/", {"page": 2})

    @pytest.mark.django_db
    def test_render_async():
        client = LiveViewTestClient(Report).mount()
        client.send_event("generate")
        client.assert_state(generating=True)
        client.render_async()
        client.assert_state(generating=False)
        assert client.view_instance.report is not None

    def test_stream_insert():
        client = LiveViewTestClient(Chat).mount()
        client.send_event("post", text="hello")
        client.assert_stream_insert("messages", {"text": "hello"})

    def test_trigger_info():
        client = LiveViewTestClient(Orders).mount()
        message = {"type": "db_notify", "channel": "orders"}
        client.trigger_info({**message, "payload": {"event": "save"}})
        client.assert_state(count=1)

    @pytest.mark.django_db
    def test_create_item_flow():
        client = LiveViewTestClient(Shelf).mount()
        client.send_event("create", name="widget")
        client.assert_stream_insert("notes", {"name": "widget"})
        client.assert_push_event("flash", {"type": "success"})

    def test_rows_are_gone(db):
        assert not Note.objects.exists()

    @pytest.mark.asyncio
    async def test_async():
        client = await AsyncLiveViewTestClient(Counter).mount()
        await client.send_event("increment")
        client.assert_state(count=1)

    def test_a_view_of_the_test_module():
        class Here(LiveView):
            template = "<div dj-root><p>{{ word }}</p></div>"

            def mount(self, request, **kwargs):
                self.word = "here"

        LiveViewTestClient(Here).mount().assert_state(word="here")

    class Clerk:
        is_authenticated = is_active = True

        def has_perms(self, perms):
            return "app.change_note" in perms

    def test_a_stub_without_a_database():
        client = LiveViewTestClient(Counter, user=Clerk()).mount()
        assert client.send_event("guarded")["success"]
        assert client.get_event_history()[-1]["name"] == "guarded"

    def test_a_user_of_the_database(db):
        client = LiveViewTestClient(Members)
        client.user = User.objects.create_user("ann")
        client.mount().assert_state(name="ann")

    def test_a_view_without_a_template():
        class Bare(LiveView):
            @event_handler
            def save(self, **kwargs):
                self.push_event("flash", {"type": "success"})

        client = LiveViewTestClient(Bare).mount()
        client.send_event("save")
        with pytest.raises(AssertionError, match="Expected push_event"):
            client.assert_push_event("toast")
        with pytest.raises(NoHandlerFoundError, match="for event: svae"):
            client.send_event("svae")

    def test_a_view_of_another_test_module(settings):
        settings.LIVEVIEW_ALLOWED_MODULES = ["elsewhere"]
        LiveViewTestClient(Save).mount().assert_state(saved=0)
        with pytest.raises(AssertionError, match="LIVEVIEW_ALLOWED_MODULES"):
            LiveViewTestClient(Save).assert_allowlisted()

    def test_patches():
        client = LiveViewTestClient(Counter).mount()
        client.render_with_patches()
        client.view_instance.count = 2
        html, patches, _ = client.render_with_patches()
        assert ">2</p>" in html and patches[0]["text"] == "2"

    def test_a_first_page_without_a_database():
        client = LiveViewTestClient(Counter).mount(via_websocket=False, count=3)
        client.assert_state(count=3)

    @pytest.mark.django_db
    def test_parity():
        assert LiveViewTestClient(Shelf).assert_http_ws_djid_parity()

    @pytest.mark.asyncio
    async def test_patches_async():
        client = await AsyncLiveViewTestClient(Counter, user=Clerk()).mount()
        await client.send_event("increment")
        _, patches, _ = await client.render_with_patches()
        assert patches[0]["text"] == "1"

    @pytest.mark.asyncio
    async def test_parity_async(db):
        assert await AsyncLiveViewTestClient(Shelf).assert_http_ws_djid_parity()
"""


@needs("pytest_django", "pytest_asyncio")
class FunctionTests(PytestCase):
    def test_every_example(self) -> None:
        ended = self.pytest(FUNCTIONS, settings="tests.contrib.djust.settings")
        self.assert_outcomes(ended, passed=19)
