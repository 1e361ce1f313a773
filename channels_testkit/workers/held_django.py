"""The tasks of django.tasks: held where they would go to their backend."""

from __future__ import annotations

import contextlib
import functools
from copy import deepcopy
from traceback import format_exception
from typing import TYPE_CHECKING, Any

import django
from asgiref.sync import sync_to_async
from django.utils import timezone
from django.utils.crypto import get_random_string

from channels_testkit.engine.patches import OwnAttribute, StandIn

if django.VERSION >= (6, 0):
    from django.tasks import TaskContext, TaskResult, TaskResultStatus, task_backends
    from django.tasks.base import TaskError
    from django.tasks.signals import task_enqueued, task_finished, task_started
    from django.utils.json import normalize_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .held_tasks import HeldTasks

__unittest = True

_WORKER = "channels_testkit"


@contextlib.contextmanager
def django_tasks_held(tasks: HeldTasks) -> Iterator[None]:
    """Hold what is enqueued on any backend of django.tasks, for a block."""
    kind = type(task_backends)
    results: dict[str, Any] = {}

    def find(handler: Any, alias: str) -> _HoldingBackend:
        return _HoldingBackend(super(kind, handler).__getitem__(alias), tasks, results)

    with OwnAttribute(kind, "__getitem__", find):
        yield


class _HoldingBackend(StandIn):
    """A backend that does all by itself but enqueue, and find results."""

    def __init__(self, real: Any, tasks: HeldTasks, results: dict[str, Any]) -> None:
        vars(self).update(real=real, tasks=tasks, results=results)

    def enqueue(self, task: Any, args: Any, kwargs: Any) -> Any:
        """Hold a task; raise what the real backend raises for a wrong one."""
        real = self.real
        real.validate_task(task)
        result: Any = TaskResult(
            task=task,
            id=get_random_string(32),
            status=_status("READY"),
            enqueued_at=timezone.now(),
            started_at=None,
            last_attempted_at=None,
            finished_at=None,
            args=args,
            kwargs=kwargs,
            backend=real.alias,
            errors=[],
            worker_ids=[],
        )
        # As a worker finds the task: by the path of its function.
        given = deepcopy(result)
        self.results[result.id] = result
        self.tasks.hold(
            task,
            given.args,
            given.kwargs,
            functools.partial(_work, type(real), result),
            task_id=result.id,
            queue=task.queue_name,
            priority=task.priority,
            eta=task.run_after,
        )
        task_enqueued.send(type(real), task_result=result)
        return given

    async def aenqueue(self, task: Any, args: Any, kwargs: Any) -> Any:
        """Hold a task, in async code."""
        return await sync_to_async(self.enqueue)(task, args, kwargs)

    def get_result(self, result_id: str) -> Any:
        """Return the result of a task of the block, or the real backend's."""
        found = self.results.get(result_id)
        return self.real.get_result(result_id) if found is None else deepcopy(found)

    async def aget_result(self, result_id: str) -> Any:
        """Return the same, in async code."""
        if result_id in self.results:
            return self.get_result(result_id)
        return await self.real.aget_result(result_id)


def _work(sender: type, result: Any) -> None:
    """Do what a worker does with a task, and what it notes of it."""
    now = timezone.now()
    _note(result, status=_status("RUNNING"), started_at=now)
    _note(result, last_attempted_at=now)
    result.worker_ids.append(_WORKER)
    task_started.send(sender, task_result=result)
    try:
        value = _call(result)
    except BaseException as error:
        result.errors.append(_task_error(error))
        _note(result, status=_status("FAILED"), finished_at=timezone.now())
        task_finished.send(sender, task_result=result)
        raise
    _note(result, status=_status("SUCCESSFUL"), finished_at=timezone.now())
    _note(result, _return_value=value)
    task_finished.send(sender, task_result=result)


def _call(result: Any) -> Any:
    task = result.task
    context: list[Any] = [TaskContext(task_result=result)] if task.takes_context else []
    # What the task changes of them is its own.
    args: Any = normalize_json(result.args)
    kwargs: Any = normalize_json(result.kwargs)
    return normalize_json(task.call(*context, *args, **kwargs))


def _status(name: str) -> Any:
    return getattr(TaskResultStatus, name)


def _task_error(error: BaseException) -> Any:
    kind = type(error)
    return TaskError(
        exception_class_path=f"{kind.__module__}.{kind.__qualname__}",
        traceback="".join(format_exception(error)),
    )


def _note(result: Any, **values: object) -> None:
    for name, value in values.items():
        # As the backends do: it is frozen for all others.
        object.__setattr__(result, name, value)
