"""Background tasks that a test holds, and runs as a worker would."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar, overload

from asgiref.sync import sync_to_async
from django.db import close_old_connections

from channels_testkit.asgi.application import start
from channels_testkit.engine.database import is_in_own_block
from channels_testkit.engine.jobs import APPLICATION, current_owner
from channels_testkit.engine.numbers import next_number
from channels_testkit.engine.origin_notes import note_owner
from channels_testkit.engine.origins import OWNER
from channels_testkit.engine.waiting import Waiting
from channels_testkit.exceptions import NoFrame
from channels_testkit.running.kit_calls import kit_coroutine
from channels_testkit.timeline.recording import record

from . import task_failures
from .held_task import HeldTask
from .task_names import checked_name

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Collection, Coroutine, Mapping

    from channels_testkit.running.run import TestRun
    from channels_testkit.timeline.story import Story

    #: Which tasks to run, by their names or themselves; all where it is empty.
    _Choice = Collection[str | HeldTask]

T = TypeVar("T")

__unittest = True

#: How many more tasks of one name ``run()`` runs before it gives up.
_MOST_OF_A_NAME = 1_000


class HeldTasks(Sequence[HeldTask]):
    """
    The tasks that are still to run, in the order in which they were enqueued.

    ``with self.held_tasks() as tasks:`` yields one. ``enqueued`` also has the
    tasks that were run. Both can still be read after the block.
    """

    #: How failures call it.
    _name_in_tests = "tasks"

    def __init__(self, run: TestRun) -> None:
        self._run = run
        self._waiting = Waiting(run)
        self._left: list[HeldTask] = []
        self._enqueued: list[HeldTask] = []
        self._work: dict[HeldTask, Callable[[], object]] = {}
        self._ids: dict[str, HeldTask] = {}
        #: What a test writes to run them, once there is one.
        self._call_that_runs = "tasks.run()"
        #: Whether the block has ended.
        self.is_over = False

    @property
    def enqueued(self) -> list[HeldTask]:
        """All that were enqueued in the block, run or not, in order."""
        self._run.ensure_rest()
        return list(self._enqueued)

    def __len__(self) -> int:
        self._run.ensure_rest()
        return len(self._left)

    @overload
    def __getitem__(self, index: int) -> HeldTask: ...
    @overload
    def __getitem__(self, index: slice) -> list[HeldTask]: ...
    def __getitem__(self, index: int | slice) -> HeldTask | list[HeldTask]:
        self._run.ensure_rest()
        return self._left[index]

    def __repr__(self) -> str:
        return f"<HeldTasks {task_failures.all_in_words(self._left)}>"

    def run(self, *only: object) -> list[HeldTask]:
        """
        Run all tasks as a worker would, and the tasks that they enqueue.

        With arguments it runs only these: tasks, names of tasks, or held
        tasks such as ``tasks[1]``. They run in the order in which they were
        enqueued, whatever their ``eta`` and ``priority``, until none is left;
        a task that retries runs again. Returns the tasks that were run.

        An exception of a task ends the call and is raised; the task does not
        run again, and the tasks behind it stay. Raises ``RuntimeError`` after
        the block, and if tasks of one name enqueue each other without end.

        Example::

            ann = self.connect("/ws/room/1/")
            with self.held_tasks() as tasks:
                shout.delay("1", "hello")
                tasks.run()
                self.assertReceivesJson(ann, "HELLO")
        """
        __tracebackhide__ = True
        return self._in_sync_test(self._run_all(only), "tasks.arun")

    @kit_coroutine
    async def arun(self, *only: object) -> list[HeldTask]:
        """Run all tasks, in an async test. As ``run()``."""
        __tracebackhide__ = True
        return await self._run_all(only)

    def run_next(self, *only: object) -> HeldTask:
        """
        Run the next task as a worker would, and return it.

        What it enqueues does not run, nor does the task again if it retries.
        Fails if no task is left. In everything else as ``run()``.

        Example::

            ann = self.connect("/ws/room/1/")
            with self.held_tasks() as tasks:
                shout.delay("1", "hello")
                shout.delay("1", "bye")
                tasks.run_next()
                self.assertReceivesJson(ann, "HELLO")
                self.assertReceivesNothing(ann)
                self.assertEqual(tasks[0].args, ["1", "bye"])
        """
        __tracebackhide__ = True
        return self._in_sync_test(self._run_one(only), "tasks.arun_next")

    @kit_coroutine
    async def arun_next(self, *only: object) -> HeldTask:
        """Run the next task, in an async test. As ``run_next()``."""
        __tracebackhide__ = True
        return await self._run_one(only)

    def hold(
        self,
        task: object,
        args: Collection[Any],
        kwargs: Mapping[str, Any],
        work: Callable[[], object],
        *,
        task_id: str | None = None,
        queue: str | None = None,
        priority: int | None = None,
        eta: dt.datetime | None = None,
        retries: int = 0,
    ) -> None:
        """
        Hold a task; what stands in for a queue calls this, in any thread.

        ``task`` is the task or its name, ``work`` does what a worker does
        with it. A task that enqueues its own ``task_id`` and name while it is
        run is put back.
        """
        name = checked_name(task)
        new = HeldTask(
            name,
            args=list(args),
            kwargs=dict(kwargs),
            queue=queue,
            priority=priority,
            eta=eta,
            retries=retries,
            in_atomic_block=is_in_own_block(),
            sequence=next_number(),
        )
        held = self._ids.get(task_id or "")
        if held is not None and held is OWNER.get() and held.name == name:
            held.put_back_as(new)
        else:
            held = new
            self._enqueued.append(held)
        record(current_owner(), task_enqueued, held)
        if task_id is not None:
            self._ids[task_id] = held
        self._work[held] = work
        self._left.append(held)
        # Seen now: at the time of a failure, the test's coroutine has ended.
        if self._run.is_async:
            self._call_that_runs = "await tasks.arun()"

    def drop(self, task_id: str) -> None:
        """Let a task not be run that was revoked, if it is still to run."""
        held = self._ids.get(task_id)
        if held in self._left:
            held.is_revoked = True
            self._left.remove(held)

    def why_no_result(self, task_id: str) -> str:
        """Say why a result that code waits for does not come."""
        held = self._ids.get(task_id)
        if held is None:
            return task_failures.not_held(task_id)
        return task_failures.still_held(held, self._call_that_runs)

    def explain(self, failure: BaseException) -> str:
        """Say that a frame may not have come because a task was not run."""
        if not self._left or not isinstance(failure, NoFrame):
            return ""
        return task_failures.not_run(self._left, self._call_that_runs)

    def _in_sync_test(self, work: Coroutine[Any, Any, T], twin: str) -> T:
        if APPLICATION.get():
            work.close()
            raise RuntimeError(task_failures.IN_THE_APPLICATION)
        return self._run.run_in_sync_test(work, twin)

    async def _run_all(self, only: tuple[object, ...]) -> list[HeldTask]:
        __tracebackhide__ = True
        chosen = _checked_choice(only)
        ran: list[HeldTask] = []
        counts: Counter[str] = Counter()
        task = await self._next(chosen)
        at_first = set(self._left)
        while task is not None:
            counts[task.name] += task.runs > 0 or task not in at_first
            if counts[task.name] > _MOST_OF_A_NAME:
                raise RuntimeError(task_failures.endless(task.name, _MOST_OF_A_NAME))
            await self._perform(task)
            ran.append(task)
            task = await self._next(chosen)
        return ran

    async def _run_one(self, only: tuple[object, ...]) -> HeldTask:
        __tracebackhide__ = True
        chosen = _checked_choice(only)
        task = await self._next(chosen)
        if task is None:
            raise AssertionError(task_failures.none_left(chosen, self._enqueued))
        await self._perform(task)
        return task

    async def _next(self, chosen: _Choice) -> HeldTask | None:
        if self.is_over:
            raise RuntimeError(task_failures.BLOCK_HAS_ENDED)
        if APPLICATION.get():
            raise RuntimeError(task_failures.IN_THE_APPLICATION)
        await self._waiting.settle()
        for task in self._left:
            if not chosen or task in chosen or task.name in chosen:
                return task
        return None

    async def _perform(self, task: HeldTask) -> None:
        """Run a task, and tell what it raises; come to rest."""
        __tracebackhide__ = True
        self._left.remove(task)
        task.runs += 1
        record(task, task_runs)
        errors = self._run.errors
        try:
            await self._run_in_job(task)
        except (Exception, SystemExit) as error:
            note_owner(error, task)
            is_expected = errors.expects(error)
            errors.record(error)
            if not is_expected:
                # It is reported here, and nowhere else.
                errors.take(error)
                raise
        await self._waiting.settle()

    async def _run_in_job(self, task: HeldTask) -> None:
        """Run a task in a thread-sensitive job, as a worker in its thread."""
        __tracebackhide__ = True
        work = sync_to_async(_as_a_worker(task, self._work[task]))()
        running = start(work, f"task {task.name}", {OWNER: task})
        running.add_done_callback(lambda _: self._waiting.wake())
        try:
            await self._run.rest.wait()
            # It may wait for a timer, to which virtual time has to move.
            if not running.done():
                await self._waiting.until(running.done, math.inf, for_timers_only=True)
            await running
        finally:
            running.cancel()


def task_enqueued(story: Story, task: HeldTask) -> None:
    """Tell that a task has been given to its queue."""
    inside = " inside atomic()" if task.in_atomic_block else ""
    story.add("message", f"enqueues {task.name}{inside}", detail=str(task))


def task_runs(story: Story) -> None:
    """Tell that a held task runs, as in a worker."""
    story.add("handler", "runs")


def _checked_choice(only: tuple[object, ...]) -> _Choice:
    """Return names and held tasks; raise ``TypeError`` for what is neither."""
    return [it if isinstance(it, HeldTask) else checked_name(it) for it in only]


def _as_a_worker(task: HeldTask, work: Callable[[], object]) -> Callable[[], None]:
    """Return what does the work, and is called as the task in reports."""

    def run() -> None:
        close_old_connections()
        try:
            work()
        except StopIteration as error:
            # A future does not take it, and its job would never end.
            raise RuntimeError(task_failures.STOP_ITERATION) from error
        finally:
            close_old_connections()

    run.__module__, _, run.__qualname__ = task.name.rpartition(".")
    run.__name__ = run.__qualname__
    return run
