"""The client in plain functions of pytest, as djust's own page has them."""

from __future__ import annotations

from tests.pytest_plugin.inner import PytestCase, needs

FUNCTIONS = """
    import pytest

    from channels_testkit.contrib.djust import (
        AsyncLiveViewTestClient,
        LiveViewTestClient,
    )
    from tests.app.models import Note
    from tests.contrib.djust.test_client import Chat, Filter, Orders, Report, Save
    from tests.contrib.djust.views import Counter, Shelf, SignIn

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
        from djust import LiveView

        class Here(LiveView):
            template = "<div dj-root><p>{{ word }}</p></div>"

            def mount(self, request, **kwargs):
                self.word = "here"

        LiveViewTestClient(Here).mount().assert_state(word="here")
"""


@needs("pytest_django", "pytest_asyncio")
class FunctionTests(PytestCase):
    def test_every_example(self) -> None:
        ended = self.pytest(FUNCTIONS, settings="tests.contrib.djust.settings")
        self.assert_outcomes(ended, passed=10)
