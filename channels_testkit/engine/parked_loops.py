"""
Loops that are parked in a greenlet, as those of Playwright's sync calls.

They stay marked as running when the call returns to the test.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING

from asgiref import local as asgiref_local, sync as asgiref_sync
from django.utils import asyncio as django_asyncio

from . import private
from .patches import Patch

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def parked_loops_hidden() -> Iterator[None]:
    """
    Let this thread go on while a loop of its own is parked in a greenlet.

    Playwright's sync calls leave theirs marked as running when they return to
    the test. Django would refuse its queries, and asgiref ``async_to_sync()``.
    Playwright itself goes on to see it.
    """
    real, thread = private.find_running_loop, threading.get_ident()

    def find_running_loop() -> asyncio.AbstractEventLoop | None:
        loop = real()
        if loop is None or threading.get_ident() != thread:
            return loop
        return loop if private.is_run_by_a_loop() else None

    def get_running_loop() -> asyncio.AbstractEventLoop:
        loop = find_running_loop()
        if loop is None:
            raise RuntimeError("no running event loop")
        return loop

    names = {**vars(asyncio), "get_running_loop": get_running_loop}
    as_asgiref_sees_it = SimpleNamespace(**names)
    with (
        Patch(django_asyncio, "get_running_loop", get_running_loop),
        Patch(asgiref_sync, "asyncio", as_asgiref_sees_it),
        Patch(asgiref_local, "asyncio", as_asgiref_sees_it),
        Patch(private, "find_running_loop", find_running_loop),
    ):
        yield
