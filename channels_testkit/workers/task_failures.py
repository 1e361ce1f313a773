"""Failures about background tasks, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from channels_testkit.matching import closest_name, first_difference, nearest
from channels_testkit.matching.wording import MAX_LISTED, in_a_row, listed, say

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from .held_task import HeldTask

NO_QUEUE = (
    "held_tasks() has found no queue to hold: Celery is not installed, Django is older"
    " than 6.0, and its backport django-tasks is not in use. Give a stand-in for the"
    " project's queue: held_tasks(queue)."
)
NO_BLOCK = (
    "{call}() looks at the tasks that held_tasks() holds, and this test has held none:"
    " call it inside 'with {test}.held_tasks() as tasks:'."
)
OLD_PROTOCOL = (
    "held_tasks() reads messages of Celery's task protocol 2, and this app has"
    " task_protocol = 1, for workers of Celery 3: leave the setting out in tests."
)
BLOCK_HAS_ENDED = (
    "This call runs tasks after the block of held_tasks() has ended, and what they"
    " enqueue would go to the real queue: call it inside the block."
)
ENTERED_BEFORE = (
    "This block of held_tasks() was entered before: call held_tasks() again for another"
    " block."
)
ENDS_BEFORE_INNER = (
    "A block of held_tasks() has ended before one that began inside of it, and both are"
    " over now: end the inner one first."
)
IN_THE_APPLICATION = (
    "The application made this call, which runs held tasks: only the test may make it."
)
STOP_ITERATION = (
    "The task raised StopIteration, which coroutines cannot raise; its traceback is"
    " above."
)
AFTER_THE_COMMIT = (
    "Enqueue it when the block has ended: transaction.on_commit(...), or"
    " delay_on_commit() of Celery's tasks."
)


def all_in_words(tasks: Sequence[HeldTask]) -> str:
    """Return tasks with commas between, the first of many."""
    return in_a_row(list(map(str, tasks[:MAX_LISTED])), len(tasks))


def not_a_task(given: object) -> str:
    """Say what is taken for a task, where something else was given."""
    return (
        f"{say(given)} is not a task: give the task that the project enqueues, such as"
        " resize, or its name, such as 'photos.tasks.resize'."
    )


def not_a_queue(given: object) -> str:
    """Say what is taken for a queue, where something else was given."""
    return (
        "held_tasks() takes a stand-in for a queue: a function that is called with the"
        f" tasks and returns a context manager, not {say(given)}. It holds all tasks;"
        " to run some of them, write tasks.run(resize)."
    )


def wrong_expected(call: str, key: str, value: object, example: object) -> str:
    """Say what the arguments of a task are compared with."""
    return (
        f"{call}({key}=...) takes all {key} of the task: write"
        f" {key}={say(example)}, not {say(value)}."
    )


def listing(tasks: Sequence[HeldTask]) -> str:
    """List what was enqueued, the last of it, and what was run."""
    lines = ["Enqueued:"]
    if len(tasks) > MAX_LISTED:
        lines.append(f"     ... {len(tasks) - MAX_LISTED:,} earlier tasks")
    first = max(0, len(tasks) - MAX_LISTED)
    for number, task in enumerate(tasks[first:], first + 1):
        lines.append(f"  {number:>4}  {task}{_state(task)}")
    return "\n".join(lines)


def _state(task: HeldTask) -> str:
    words = ["in an atomic block"] if task.in_atomic_block else []
    words += ["has run"] if task.runs else []
    words += ["revoked"] if task.is_revoked else []
    return f"  ({', '.join(words)})" if words else ""


def not_enqueued(name: str, tasks: Sequence[HeldTask]) -> str:
    """Say that a task was not enqueued, and which were."""
    others = sorted({task.name for task in tasks})
    return (
        f"Task {say(name)} was not enqueued.\n"
        f"Tasks that were enqueued: {listed(others)}.{_did_you_mean(name, others)}"
    )


def _did_you_mean(name: str, others: Collection[str]) -> str:
    """Ask for a task whose own name is alike; all of a module begin alike."""
    full = {it.rpartition(".")[2]: it for it in others}
    close = closest_name(name.rpartition(".")[2], full)
    return f"\nDid you mean {full[close]!r}?" if close else ""


def no_match(name: str, expected: Mapping[str, Any], tasks: Sequence[HeldTask]) -> str:
    """Say where the nearest task differs from the expected one."""
    given = [{key: getattr(task, key) for key in expected} for task in tasks]
    index = nearest(expected, given) or 0
    difference = first_difference(expected, given[index])
    place = f" at {difference.path!r}" if difference and difference.path else ""
    found = (
        f": expected {difference.expected}, enqueued {difference.actual}"
        if difference
        else ""
    )
    return (
        f"No task {say(name)} matches; the nearest differs{place}{found}.\n\n"
        f"Expected: {_in_code(expected)}\nNearest:  {_in_code(given[index])}\n\n"
        f"{listing(tasks)}"
    )


def _in_code(given: Mapping[str, Any]) -> str:
    return " ".join(f"{key}={say(value)}" for key, value in given.items())


def wrong_count(name: str, found: int, count: int, tasks: Sequence[HeldTask]) -> str:
    """Say how many matched."""
    matching = "1 task" if found == 1 else f"{found:,} tasks"
    verb = "matches" if found == 1 else "match"
    return f"{matching} {say(name)} {verb}, expected {count:,}.\n\n{listing(tasks)}"


def unexpected(what: str, tasks: Sequence[HeldTask]) -> str:
    """Say what was enqueued where nothing should have been."""
    enqueued = "1 task was" if len(tasks) == 1 else f"{len(tasks):,} tasks were"
    return f"{enqueued} enqueued{what}, expected none.\n\n{listing(tasks)}"


def before_commit(name: str, tasks: Sequence[HeldTask]) -> str:
    """Say that a task was enqueued before the transaction had ended."""
    return (
        f"Task {say(name)} was enqueued inside an atomic block: a worker can look for"
        f" the rows before they are committed.\n\n{listing(tasks)}\n\n"
        f"{AFTER_THE_COMMIT}"
    )


def none_left(chosen: Collection[str | HeldTask], tasks: Sequence[HeldTask]) -> str:
    """Say that no task is left, and which there were."""
    which = f" {listed(chosen)}" if chosen else ""
    there = listing(tasks) if tasks else "Nothing was enqueued in this block."
    return f"No task{which} is left to run.\n\n{there}"


def not_run(tasks: Sequence[HeldTask], call: str) -> str:
    """Say which tasks are held and were not run."""
    one = len(tasks) == 1
    counted = "1 task is" if one else f"{len(tasks):,} tasks are"
    return (
        f"{counted} held, and {'was' if one else 'were'} not run:"
        f" {all_in_words(tasks)}. To run {'it' if one else 'them'}, write"
        f" '{call}' before the block ends."
    )


def endless(name: str, count: int) -> str:
    """Say that tasks enqueue each other for ever."""
    return (
        f"tasks.run() has run {count:,} tasks {say(name)}, and each time there was"
        " another one: the task enqueues itself, or retries without end. Run them one"
        " by one, with tasks.run_next()."
    )


def still_held(task: HeldTask, call: str) -> str:
    """Say that code waits for the result of a task that the test holds."""
    return (
        f"This code waits for the result of the task {task}, but the test holds the"
        " task, so it does not run. On a server, the code would block until a worker"
        f" has run it. Run the task first: '{call}'."
    )


def not_held(task_id: str) -> str:
    """Say that code waits for the result of a task that is not known here."""
    return (
        f"This code waits for the result of task {say(task_id)}, which was not enqueued"
        " inside held_tasks(): nothing in this test runs it."
    )


def not_registered(name: str, known: Collection[str]) -> str:
    """Say that no task has a name in this project."""
    return (
        f"No task of this project is called {say(name)}, and its workers would drop the"
        f" message.{_did_you_mean(name, known)}\nIf the worker of another project runs"
        " it, name the tasks to run: tasks.run('photos.tasks.resize')."
    )
