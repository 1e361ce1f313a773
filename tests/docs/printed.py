"""The failure of the first test that a reader sees."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CHAT = ROOT / "docs" / "examples" / "chat"
TIMELINE = "The last of "

# The example project's first test, after a mistake in one of its models.
FIRST_FAILURE = """
import datetime
from unittest import mock

import django

django.setup()

from chat.models import Message
from django.core.management import call_command

as_frame = Message.as_frame


def with_the_id_of_the_author(message):
    return {**as_frame(message), "user": message.author_id}


def now():
    return datetime.datetime(2026, 11, 20, 10, tzinfo=datetime.timezone.utc)


with mock.patch.object(Message, "as_frame", with_the_id_of_the_author):
    with mock.patch("django.utils.timezone.now", now):
        call_command(
            "test", "chat.tests.test_first", test_name_patterns=["*_ann_says"]
        )
"""


def chat_variables() -> dict[str, str]:
    """Return the environment of a Python with the example project in it."""
    return {
        **{name: os.environ[name] for name in ("PATH",) if name in os.environ},
        "DJANGO_SETTINGS_MODULE": "mysite.settings",
        "PYTHONPATH": f"{CHAT}{os.pathsep}{ROOT}",
        "PYTHONNODEBUGRANGES": "1",  # Python 3.13 marks more than those before
        "PYTHONUNBUFFERED": "1",  # what it prints is in order
    }


@functools.cache
def first_failure() -> str:
    """Return all that a terminal shows when the first test fails."""
    return subprocess.run(
        [sys.executable, "-c", FIRST_FAILURE],
        cwd=CHAT,
        env=chat_variables(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    ).stdout


def without_numbers(failure: str) -> str:
    """Leave out of a timeline what differs by versions and in each run."""
    beginning, title, events = failure.partition(TIMELINE)
    events = re.sub(r"'login\.\w+'", "'login...'", events)
    return beginning + title + re.sub(r"\d+", "#", events)
