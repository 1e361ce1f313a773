"""Background tasks: held, run, and what is said of those enqueued."""

from __future__ import annotations

import functools
import importlib.util
import sys
from typing import TYPE_CHECKING, Any, overload

import django
from django.core.exceptions import ImproperlyConfigured

from channels_testkit.matching import matches
from channels_testkit.workers import task_failures
from channels_testkit.workers.held_block import (
    HeldTasksBlock,
    blocks_of,
    checked_queue,
)
from channels_testkit.workers.task_names import checked_name

from .expectations import ANYTHING, checked_count
from .in_run import InRun
from .verdicts import with_message
from .with_statement import check_entered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from channels_testkit.workers.held_block import TaskQueue
    from channels_testkit.workers.held_task import HeldTask
    from channels_testkit.workers.held_tasks import HeldTasks

__unittest = True


class TaskAssertions(InRun):
    """What a test does with background tasks, and says of them."""

    if TYPE_CHECKING:
        failureException: type[BaseException]

    def held_tasks(self, *queues: TaskQueue) -> HeldTasksBlock:
        """
        Hold, for a ``with`` block, the tasks that are given to a queue.

        Celery and Django's task framework are held if they are installed;
        each of ``queues`` is a function for another queue. It takes the tasks
        of the block and returns a context manager, which replaces the queue
        and calls ``tasks.hold()``. Yields the tasks that are still to run:
        ``tasks.run()`` and ``tasks.run_next()`` run them as a worker does.

        The block is a plain ``with`` in sync and async tests; ``async with``
        comes to rest at both of its ends. Raises ``ImproperlyConfigured`` if
        there is no queue to hold.

        Example::

            ann = self.connect("/ws/room/1/")
            with self.held_tasks() as tasks:
                shout.delay("1", "hello")
                self.assertReceivesNothing(ann)
                tasks.run()
                self.assertReceivesJson(ann, "HELLO")
        """
        held = [*_installed_queues(), *map(checked_queue, queues)]
        if not held:
            raise ImproperlyConfigured(task_failures.NO_QUEUE)
        block = HeldTasksBlock(self._kit, held)
        check_entered(self._kit, "held_tasks", lambda: block.was_entered)
        return block

    @overload
    def assertEnqueued(
        self,
        task: object,
        *,
        args: Any = ...,
        kwargs: Any = ...,
        count: None = ...,
        msg: object = ...,
    ) -> HeldTask: ...
    @overload
    def assertEnqueued(
        self,
        task: object,
        *,
        args: Any = ...,
        kwargs: Any = ...,
        count: int,
        msg: object = ...,
    ) -> list[HeldTask]: ...
    def assertEnqueued(
        self,
        task: object,
        *,
        args: Any = ANYTHING,
        kwargs: Any = ANYTHING,
        count: int | None = None,
        msg: object = None,
    ) -> Any:
        """
        Assert that a task was enqueued in the block of ``held_tasks()``.

        Takes the task or its name. ``args`` and ``kwargs`` are compared with
        the task's arguments as a worker gets them; values that stand for
        others in an expected payload do so here. Tasks that were run count as
        well; one that retries counts once. Returns the first that matches, or,
        with ``count``, exactly that many in a list.

        Example::

            with self.held_tasks():
                shout.delay("1", "hello")
                self.assertEnqueued(shout, args=["1", "hello"])
                self.assertEnqueued("tests.app.tasks.shout", count=1)
        """
        __tracebackhide__ = True
        _, found = self._enqueued("assertEnqueued", task, args, kwargs, count, msg)
        return found if count is not None else found[0]

    @overload
    def assertEnqueuedAfterCommit(
        self,
        task: object,
        *,
        args: Any = ...,
        kwargs: Any = ...,
        count: None = ...,
        msg: object = ...,
    ) -> HeldTask: ...
    @overload
    def assertEnqueuedAfterCommit(
        self,
        task: object,
        *,
        args: Any = ...,
        kwargs: Any = ...,
        count: int,
        msg: object = ...,
    ) -> list[HeldTask]: ...
    def assertEnqueuedAfterCommit(
        self,
        task: object,
        *,
        args: Any = ANYTHING,
        kwargs: Any = ANYTHING,
        count: int | None = None,
        msg: object = None,
    ) -> Any:
        """
        Assert that a task was enqueued, and not inside an ``atomic()`` block.

        Fails if a matching task was enqueued before the block had ended. As
        ``assertEnqueued()`` in everything else.

        Example::

            with self.held_tasks():
                with transaction.atomic():
                    shout.delay_on_commit("1", "hello")
                self.assertEnqueuedAfterCommit(shout)
        """
        __tracebackhide__ = True
        call = "assertEnqueuedAfterCommit"
        name, found = self._enqueued(call, task, args, kwargs, count, msg)
        if early := [it for it in found if it.in_atomic_block]:
            text = task_failures.before_commit(name, early)
            raise self.failureException(with_message(text, msg))
        return found if count is not None else found[0]

    def assertNothingEnqueued(self, task: object = None, *, msg: object = None) -> None:
        """
        Assert that a task was not enqueued in the block, or none at all.

        Example::

            ann = self.connect("/ws/room/1/")
            with self.held_tasks():
                ann.send_json("hello")
                self.assertNothingEnqueued()
        """
        __tracebackhide__ = True
        enqueued = self._held("assertNothingEnqueued").enqueued
        what = ""
        if task is not None:
            name = checked_name(task)
            enqueued = [it for it in enqueued if it.name == name]
            what = f" as {name!r}"
        if enqueued:
            text = task_failures.unexpected(what, enqueued)
            raise self.failureException(with_message(text, msg))

    def _enqueued(
        self,
        call: str,
        task: object,
        args: Any,
        kwargs: Any,
        count: int | None,
        msg: object,
    ) -> tuple[str, list[HeldTask]]:
        """Return the task's name and those that match, or fail."""
        __tracebackhide__ = True
        name, count = checked_name(task), checked_count(count, "tasks")
        expected = _checked_expected(call, args, kwargs)
        enqueued = self._held(call).enqueued
        named = [it for it in enqueued if it.name == name]
        found = [it for it in named if matches(expected, _given(it, expected))]
        if found if count is None else len(found) == count:
            return name, found
        if not named:
            text = task_failures.not_enqueued(name, enqueued)
        elif not found:
            text = task_failures.no_match(name, expected, named)
        else:
            text = task_failures.wrong_count(name, len(found), count or 0, named)
        raise self.failureException(with_message(text, msg))

    def _held(self, call: str) -> HeldTasks:
        """Return what the block holds, or the last one that has ended."""
        blocks = [it.tasks for it in blocks_of(self._kit)]
        if not blocks:
            raise RuntimeError(
                task_failures.NO_BLOCK.format(call=call, test=self._kit.options.called)
            )
        return next((it for it in reversed(blocks) if not it.is_over), blocks[-1])


def _installed_queues() -> Iterator[TaskQueue]:
    """Yield what stands in for the queues that are installed."""
    if importlib.util.find_spec("celery") is not None:
        from channels_testkit.workers.held_celery import celery_held

        yield celery_held
    packages = ["django.tasks"] if django.VERSION >= (6, 0) else []
    # The backport is an app of the project, which imports it.
    packages += ["django_tasks"] if "django_tasks" in sys.modules else []
    for package in packages:
        from channels_testkit.workers.held_django import django_tasks_held

        yield functools.partial(django_tasks_held, package=package)


def _given(task: HeldTask, expected: dict[str, Any]) -> dict[str, Any]:
    return {key: getattr(task, key) for key in expected}


def _checked_expected(call: str, args: Any, kwargs: Any) -> dict[str, Any]:
    given = {"args": args, "kwargs": kwargs}
    for key, is_fit, example in (
        ("args", isinstance(args, (list, tuple)), [args]),
        ("kwargs", isinstance(kwargs, dict), {"name": kwargs}),
    ):
        value = given[key]
        # What stands for anything is equal to it.
        if not (is_fit or value == ANYTHING or callable(value)):
            raise TypeError(task_failures.wrong_expected(call, key, value, example))
    return {key: value for key, value in given.items() if value is not ANYTHING}
