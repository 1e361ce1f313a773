"""
Many tests in one process: ``python -m tests.stress.steady``.

After each round of them it counts what a test may leave behind: objects in
memory, file descriptors, threads, and attributes of classes and modules that
are others than before. All are to stay as they were after the first round,
but for a few objects in caches.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import sys
import threading
import warnings
from collections import Counter
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any, NamedTuple

import django
from asgiref import sync
from django.test.runner import DiscoverRunner

ROUNDS = 5
#: How many objects may come from the first round to the last, as a share.
GROWTH = 0.005


def patched() -> dict[str, int]:
    """Return what stands under each name that the kit ever replaces."""
    from channels import consumer, layers
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.transaction import Atomic
    from django.test import AsyncClient, Client

    places: list[Any] = [
        asyncio.SelectorEventLoop,
        AsyncClient,
        Atomic,
        BaseDatabaseWrapper,
        Client,
        consumer.AsyncConsumer,
        consumer.SyncConsumer,
        Executor,
        layers,
        layers.ChannelLayerManager,
        sync.AsyncToSync,
        sync.SyncToAsync,
        threading,
        threading.Thread,
        ThreadPoolExecutor,
        warnings,
    ]
    return {
        f"{place.__name__}.{name}": id(value)
        for place in places
        for name, value in vars(place).items()
        if callable(value)
    }


class LeftBehind(NamedTuple):
    """What there is in this process, as numbers."""

    #: Blocks of memory that Python's objects have.
    objects: int
    files: int
    threads: int


def left_behind() -> LeftBehind:
    gc.collect()
    return LeftBehind(
        sys.getallocatedblocks(),
        len(os.listdir("/proc/self/fd")),
        threading.active_count(),
    )


def run_tests(count: int, wrong: Counter[str]) -> None:
    from tests.stress.__main__ import run_round

    counts: Counter[str] = Counter()
    while sum(counts.values()) < count:
        run_round(counts, wrong)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.stress.steady")
    parser.add_argument("--tests", type=int, default=5000)
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    runner = DiscoverRunner(verbosity=0, interactive=False)
    runner.setup_test_environment()
    databases = runner.setup_databases()
    wrong: Counter[str] = Counter()
    run_tests(options.tests // ROUNDS, wrong)
    names, first = patched(), left_behind()
    print(f"the first round: {first}", flush=True)
    for _ in range(ROUNDS - 1):
        run_tests(options.tests // ROUNDS, wrong)
        last = left_behind()
        print(f"{last}", flush=True)
    runner.teardown_databases(databases)
    changed = {name for name, value in patched().items() if names.get(name) != value}
    is_steady = not changed and last[1:] == first[1:]
    is_steady = is_steady and last.objects <= first.objects * (1 + GROWTH)
    print("steady" if is_steady else f"not steady {changed or ''}")
    print(f"{sum(wrong.values())} wrong of {options.tests}")
    return int(not is_steady or bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
