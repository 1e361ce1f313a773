"""The LiveViews of the project."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import authenticate
from djust import LiveView
from djust.decorators import event_handler, permission_required, rate_limit

from tests.app.models import Note


class Counter(LiveView):
    template = "<div dj-root><p>{{ count }}</p></div>"

    def mount(self, request: Any, count: int = 0, **kwargs: Any) -> None:
        self.count = int(count)

    @event_handler
    def increment(self, by: int = 1, **kwargs: Any) -> None:
        self.count += by

    @event_handler
    async def aincrement(self, **kwargs: Any) -> None:
        self.count += 1

    @event_handler
    def crash(self, **kwargs: Any) -> None:
        self.count = 99
        raise ValueError("the counter is broken")

    def not_a_handler(self, **kwargs: Any) -> None:
        self.count = -1

    @event_handler
    @permission_required("app.change_note")
    def guarded(self, **kwargs: Any) -> None:
        self.count = 1000

    @event_handler
    @rate_limit(rate=0.001, burst=2)
    def rare(self, **kwargs: Any) -> None:
        self.count += 1


class NoteDetail(LiveView):
    template = "<div dj-root><p>{{ text }}</p></div>"

    def mount(self, request: Any, pk: int = 0, **kwargs: Any) -> None:
        self.pk = int(pk)
        self.highlight = kwargs.get("highlight", "")
        self.text = Note.objects.get(pk=self.pk).text


class Shelf(LiveView):
    """Everything at once: a row, a stream, a push, a patch of the URL."""

    template = "<div dj-root><p>{{ total }}</p></div>"

    def mount(self, request: Any, **kwargs: Any) -> None:
        self.stream("notes", [])
        self.total = Note.objects.count()
        self.page = 1

    def handle_params(self, params: Any, uri: str, **kwargs: Any) -> None:
        self.page = int(params.get("page", 1))

    @event_handler
    def create(self, name: str = "", **kwargs: Any) -> None:
        note = Note.objects.create(text=name)
        self.total += 1
        self.stream_insert("notes", {"id": note.pk, "name": name})
        self.push_event("flash", {"type": "success", "message": f"{name} is there"})
        self.live_patch(params={"highlight": name, "page": 2}, path="/shelf/")


class SignIn(LiveView):
    template = "<div dj-root><form></form></div>"

    def mount(self, request: Any, **kwargs: Any) -> None:
        self.error = ""

    @event_handler
    def submit(self, username: str = "", password: str = "", **kwargs: Any) -> None:
        if authenticate(username=username, password=password) is None:
            self.error = "wrong"
        else:
            self.live_redirect("/counter/", params={"count": 5})

    @event_handler
    def elsewhere(self, **kwargs: Any) -> None:
        self.live_redirect("/plain/")


class Members(LiveView):
    template = "<div dj-root><p>{{ name }}</p></div>"
    login_required = True

    def mount(self, request: Any, **kwargs: Any) -> None:
        self.name = request.user.username
        self.session_key = request.session.session_key
