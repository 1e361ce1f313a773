"""Handlers that the framework finds by the name of this folder."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy
from liveview import liveview_handler, send

from tests.contrib.liveview.newsroom.forms import StoryForm
from tests.contrib.liveview.newsroom.models import Story

Content = dict[str, Any]


@liveview_handler("read_story")
def read_story(consumer: Any, content: Content) -> None:
    story = Story.objects.filter(pk=content["data"]["story_id"]).first()
    if story is None:
        html = "<p>This story was not found.</p>"
    else:
        html = format_html("<h1>{}</h1><p>{}</p>", story.headline, story.text)
    send(consumer, {"target": "#story", "html": html, "url": "/stories/"})


@liveview_handler("file_story")
def file_story(consumer: Any, content: Content) -> None:
    form = StoryForm(content["form"])
    if not form.is_valid():
        send(consumer, {"target": "#form", "html": str(form.errors)})
        return
    story = form.save()
    item = format_html("<li>{}</li>", story.headline)
    send(consumer, {"target": "#form", "html": "Thank you"})
    send(consumer, {"target": "#list", "html": item, "append": True}, broadcast=True)


@liveview_handler("greet")
def greet(consumer: Any, content: Content) -> None:
    send(consumer, {"target": "#desk", "html": f"Good day, {content['form']['name']}"})


@liveview_handler("ring")
def ring(consumer: Any, content: Content) -> None:
    """Tell the caller's room."""
    frame = {"target": "#bell", "html": content["form"]["text"]}
    consumer.send_to_group(consumer.room_group_name, frame)


@liveview_handler("spike_story")
def spike_story(consumer: Any, content: Content) -> None:
    user = consumer.scope["user"]
    if not user.is_authenticated:
        send(consumer, {"target": "#story", "html": "You must be logged in"})
        return
    Story.objects.filter(pk=content["data"]["story_id"]).delete()
    html = f"Spiked by {user.username}"
    send(consumer, {"target": "#story", "html": html})


@liveview_handler("count_visits")
def count_visits(consumer: Any, content: Content) -> None:
    session = consumer.scope["session"]
    session["visits"] = session.get("visits", 0) + 1
    session.save()
    send(consumer, {"target": "#visits", "html": str(session["visits"])})


@liveview_handler("stay_silent")
def stay_silent(consumer: Any, content: Content) -> None:
    pass


@liveview_handler("break")
def break_down(consumer: Any, content: Content) -> None:
    raise ValueError("the press has jammed")


@liveview_handler("misspell")
def misspell(consumer: Any, content: Content) -> None:
    consumer.send_jsn({"target": "#story"})


@liveview_handler("send_a_date")
def send_a_date(consumer: Any, content: Content) -> None:
    send(consumer, {"target": "#date", "html": timezone.now()})


@liveview_handler("send_lazy_text")
def send_lazy_text(consumer: Any, content: Content) -> None:
    send(consumer, {"target": "#date", "html": gettext_lazy("date")})


@liveview_handler("broadcast_a_date")
def broadcast_a_date(consumer: Any, content: Content) -> None:
    send(consumer, {"target": "#date", "html": timezone.now()}, broadcast=True)


@liveview_handler("repeat_content")
def repeat_content(consumer: Any, content: Content) -> None:
    send(consumer, {"target": "#content", "content": content})


@liveview_handler("hang_up")
def hang_up(consumer: Any, content: Content) -> None:
    consumer.close(code=4000)
