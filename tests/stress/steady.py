"""
Many tests in one process: ``python -m tests.stress.steady``.

After each round of them it counts what a test may leave behind: memory, file
descriptors, threads, and attributes of classes and modules that are others
than before. All are to stay as they were after the first round, memory but
for what the measurement itself takes.
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
from typing import Any

import django
from asgiref import sync
from django.test.runner import DiscoverRunner

ROUNDS = 5
#: How much memory may grow from the first round to the last, as a share.
GROWTH = 0.02
_KILOBYTES_OF_A_PAGE = os.sysconf("SC_PAGE_SIZE") // 1024


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


def memory() -> int:
    """Return the kilobytes of this process that are in memory."""
    gc.collect()
    with open("/proc/self/statm") as numbers:
        return int(numbers.read().split()[1]) * _KILOBYTES_OF_A_PAGE


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
    found: list[tuple[int, int, int, dict[str, int]]] = []
    for number in range(ROUNDS):
        run_tests(options.tests // ROUNDS, wrong)
        files = len(os.listdir("/proc/self/fd"))
        found.append((memory(), files, threading.active_count(), patched()))
        print(
            f"{(number + 1) * options.tests // ROUNDS} tests: {found[-1][0]} KB,"
            f" {files} files, {found[-1][2]} threads",
            flush=True,
        )
    runner.teardown_databases(databases)
    (before, *first), (after, *last) = found[0], found[-1]
    for name, value in found[-1][3].items():
        if found[0][3].get(name) != value:
            print(f"{name} is another than before")
    is_steady = first == last and after <= before * (1 + GROWTH)
    print("steady" if is_steady else "not steady", f"{sum(wrong.values())} wrong")
    return int(not is_steady or bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
