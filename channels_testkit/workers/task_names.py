"""The names of tasks of any queue."""

from __future__ import annotations

import inspect
from typing import Any

from . import task_failures


def checked_name(task: object) -> str:
    """Return the name of a task, or raise ``TypeError`` for what is none."""
    name = name_of(task)
    if name is None:
        raise TypeError(task_failures.not_a_task(task))
    return name


def name_of(task: Any) -> str | None:
    """
    Return the name of a task, or None for what is none.

    It is a text, what a test has imported (a task of Celery or of Django, an
    actor of dramatiq), a signature of Celery, or a function.
    """
    if isinstance(task, str):
        return task
    if isinstance(task, dict):
        # A signature of Celery.
        return _text(task.get("task"))
    # Of Django, whose ``name`` is that of the function alone; of dramatiq.
    for attribute in ("module_path", "actor_name"):
        if name := _text(getattr(task, attribute, None)):
            return name
    if not callable(task) or isinstance(task, type):
        return None
    if inspect.ismethod(task) and name_of(task.__self__):
        # Such as ``resize.delay``, where ``resize`` is meant.
        return None
    name = _text(getattr(task, "name", None))
    return name or _path_of(task)


def _path_of(function: Any) -> str | None:
    name = _text(getattr(function, "__qualname__", None))
    return name and f"{function.__module__}.{name}"


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
