"""Tests with Hypothesis's ``@given``: each example is a run of its own."""

from __future__ import annotations

import contextlib
import inspect
from typing import TYPE_CHECKING, Any

from django.db import transaction

from . import database, loops
from .function_run import FunctionRun
from .report import raise_first

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

    from .followed_test import FollowedTest

__unittest = True


@contextlib.contextmanager
def examples_run(test: FollowedTest) -> Iterator[None]:
    """Give each example of a test a run, and a savepoint, for a block."""
    item = test.item
    given = loops.hypothesis_of(item)
    real = given.inner_test
    is_rolled_back = test.has_database and not database.commits(item)

    def example(*args: Any, **options: Any) -> None:
        __tracebackhide__ = True
        with contextlib.ExitStack() as undo:
            if is_rolled_back:
                undo.enter_context(_rolled_back(item))
            run = test.run = FunctionRun(item)
            run.begin()
            undo.callback(_end, run)
            if test.has_database:
                run.database_is_there()
            run.start_lifespan()
            _call(run, real, *args, **options)

    given.inner_test = example
    try:
        yield
    finally:
        given.inner_test = real


def _end(run: FunctionRun) -> None:
    __tracebackhide__ = True
    raise_first(run.end(), run.more_failures)


def _call(
    run: FunctionRun, function: Callable[..., Any], *args: Any, **options: Any
) -> None:
    __tracebackhide__ = True
    with run.call_begins():
        try:
            if inspect.iscoroutinefunction(function):
                run.run.call_test_code(function, *args, **options)
            else:
                function(*args, **options)
        except BaseException as error:
            run.has_raised(error)
            raise
    run.has_returned()


@contextlib.contextmanager
def _rolled_back(item: pytest.Function) -> Iterator[None]:
    """Roll back, at the end of a block, what it has done to the databases."""
    with contextlib.ExitStack() as blocks:
        for alias in database.databases(item):
            block: Any = transaction.atomic(using=alias)
            # It is not part of the application.
            block._from_testcase = True  # noqa: SLF001 - as Django's own
            blocks.enter_context(block)
            blocks.callback(transaction.set_rollback, rollback=True, using=alias)
        yield
