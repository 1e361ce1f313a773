"""The block of ``held_tasks()``, which replaces the queues while it lasts."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from . import task_failures
from .held_tasks import HeldTasks

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from channels_testkit.running.run import TestRun

    #: What stands in for a queue while it is entered, and calls ``hold()``.
    TaskQueue = Callable[[HeldTasks], contextlib.AbstractContextManager[object]]

__unittest = True


class HeldTasksBlock:
    """The block of ``held_tasks()``: a plain ``with``, or ``async with``."""

    def __init__(self, run: TestRun, queues: Collection[TaskQueue]) -> None:
        self._run = run
        self._queues = queues
        self._undo = contextlib.ExitStack()
        self.was_entered = False
        self.tasks = HeldTasks(run)

    def __enter__(self) -> HeldTasks:
        self._run.ensure_rest()
        return self._begin()

    def __exit__(self, kind: object, *exc_info: object) -> None:
        __tracebackhide__ = True
        try:
            if kind is None:
                self._run.ensure_rest()
        finally:
            self._end()

    async def __aenter__(self) -> HeldTasks:
        await self._run.await_rest()
        return self._begin()

    async def __aexit__(self, kind: object, *exc_info: object) -> None:
        __tracebackhide__ = True
        try:
            await self._run.rest.wait()
            if kind is None:
                self._run.errors.deliver()
        finally:
            self._end()

    def _begin(self) -> HeldTasks:
        if self.was_entered:
            raise RuntimeError(task_failures.ENTERED_BEFORE)
        self.was_entered = True
        with contextlib.ExitStack() as undo:
            for queue in self._queues:
                undo.enter_context(_checked_block(queue, queue(self.tasks)))
            self._undo = undo.pop_all()
        blocks_of(self._run).append(self)
        self._run.outside.explanations.append(self.tasks.explain)
        # A test may have entered it itself.
        self._run.in_place.callback(self._end)
        return self.tasks

    def _end(self) -> None:
        """End the block, and first those that began inside of it."""
        __tracebackhide__ = True
        blocks = blocks_of(self._run)
        inner = [it for it in blocks[blocks.index(self) + 1 :] if not it.tasks.is_over]
        for block in (*reversed(inner), self):
            block.tasks.is_over = True
            block._undo.close()  # noqa: SLF001 - its own class
        if inner:
            raise RuntimeError(task_failures.ENDS_BEFORE_INNER)


def checked_queue(queue: TaskQueue) -> TaskQueue:
    """Return what stands in for a queue, or raise for what does not."""
    # A task is called as well, and would be run.
    is_task = any(hasattr(queue, it) for it in ("delay", "enqueue", "send"))
    if is_task or not callable(queue):
        raise TypeError(task_failures.not_a_queue(queue))
    return queue


def _checked_block(queue: TaskQueue, block: Any) -> Any:
    if not hasattr(block, "__enter__"):
        raise TypeError(task_failures.not_a_queue(queue))
    return block


def blocks_of(run: TestRun) -> list[HeldTasksBlock]:
    """Return the blocks of a test, the last one last."""
    blocks: list[HeldTasksBlock] = run.once(HeldTasksBlock, list)
    return blocks
