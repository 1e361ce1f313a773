"""The tasks of Django's framework: held where they would go to a backend."""

from __future__ import annotations

import contextlib
import functools
import importlib
from copy import deepcopy
from traceback import format_exception
from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.utils import timezone
from django.utils.crypto import get_random_string

from channels_testkit.engine.patches import OwnAttribute, StandIn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .held_tasks import HeldTasks

__unittest = True

_WORKER = "channels_testkit"


@contextlib.contextmanager
def django_tasks_held(
    tasks: HeldTasks, package: str = "django.tasks"
) -> Iterator[None]:
    """
    Hold what is enqueued on any backend of the framework, for a block.

    It has two packages: that of Django, and its backport for older versions.
    """
    framework = _Framework(package)
    kind = type(framework.task_backends)
    results: dict[str, Any] = {}

    def find(handler: Any, alias: str) -> _HoldingBackend:
        real = super(kind, handler).__getitem__(alias)
        return _HoldingBackend(real, framework, tasks, results)

    with OwnAttribute(kind, "__getitem__", find):
        yield


class _Framework:
    """What a package of the framework has, by the names that both give it."""

    def __init__(self, package: str) -> None:
        self.task_backends: Any = importlib.import_module(package).task_backends
        self.base: Any = importlib.import_module(f"{package}.base")
        self.signals: Any = importlib.import_module(f"{package}.signals")

    def new_result(self, task: Any, args: Any, kwargs: Any, backend: str) -> Any:
        """Return the result of a task that is to be run."""
        return self.base.TaskResult(
            task=task,
            id=get_random_string(32),
            status=self.base.TaskResultStatus.READY,
            enqueued_at=timezone.now(),
            started_at=None,
            last_attempted_at=None,
            finished_at=None,
            args=args,
            kwargs=kwargs,
            backend=backend,
            errors=[],
            worker_ids=[],
        )

    def work(self, sender: type, result: Any) -> None:
        """Do what a worker does with a task, and record what it records."""
        status, now = self.base.TaskResultStatus, timezone.now()
        _note(result, status=status.RUNNING, started_at=now, last_attempted_at=now)
        result.worker_ids.append(_WORKER)
        self.signals.task_started.send(sender, task_result=result)
        try:
            value = self._call(result)
        except BaseException as error:
            result.errors.append(self._task_error(error))
            _note(result, status=status.FAILED, finished_at=timezone.now())
            self.signals.task_finished.send(sender, task_result=result)
            raise
        _note(result, status=status.SUCCESSFUL, finished_at=timezone.now())
        _note(result, _return_value=value)
        self.signals.task_finished.send(sender, task_result=result)

    def _call(self, result: Any) -> Any:
        base, task = self.base, result.task
        context = [base.TaskContext(task_result=result)] if task.takes_context else []
        # What the task changes of them is its own.
        args, kwargs = map(base.normalize_json, (result.args, result.kwargs))
        return base.normalize_json(task.call(*context, *args, **kwargs))

    def _task_error(self, error: BaseException) -> Any:
        kind = type(error)
        return self.base.TaskError(
            exception_class_path=f"{kind.__module__}.{kind.__qualname__}",
            traceback="".join(format_exception(error)),
        )


class _HoldingBackend(StandIn):
    """The real backend, except that it holds tasks and their results."""

    def __init__(
        self,
        real: Any,
        framework: _Framework,
        tasks: HeldTasks,
        results: dict[str, Any],
    ) -> None:
        vars(self).update(real=real, framework=framework, tasks=tasks, results=results)

    def enqueue(self, task: Any, args: Any, kwargs: Any) -> Any:
        """Hold a task; raise what the real backend raises for a wrong one."""
        real, framework = self.real, self.framework
        real.validate_task(task)
        result = framework.new_result(task, args, kwargs, real.alias)
        # As a worker finds the task: by the path of its function.
        given = deepcopy(result)
        self.results[result.id] = result
        self.tasks.hold(
            task,
            given.args,
            given.kwargs,
            functools.partial(framework.work, type(real), result),
            task_id=result.id,
            queue=task.queue_name,
            priority=task.priority,
            eta=task.run_after,
        )
        framework.signals.task_enqueued.send(type(real), task_result=result)
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


def _note(result: Any, **values: object) -> None:
    for name, value in values.items():
        # As the backends do: it is frozen for all others.
        object.__setattr__(result, name, value)
