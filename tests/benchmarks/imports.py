"""What an import brings along, in a process of its own each time."""

from __future__ import annotations

import subprocess
import sys

from .measuring import Side, compare

# What a project's tests have in memory in either case comes first.
PROGRAM = """
import sys, time, django
django.setup()
import django.test, tests.benchmarks.consumers
before, start = set(sys.modules), time.perf_counter()
import {module}
seconds = time.perf_counter() - start
new = set(sys.modules) - before
servers = {{"daphne", "twisted"}} & {{name.partition(".")[0] for name in new}}
print(seconds, len(new), *servers)
"""


def look(module: str) -> list[str]:
    program = PROGRAM.format(module=module)
    command = [sys.executable, "-W", "ignore", "-c", program]
    return subprocess.check_output(command, text=True).split()


def side(module: str, *, is_peer: bool) -> Side:
    _, modules, *servers = look(module)
    brings = f"{modules} modules, {', '.join(servers) or 'no server'}"
    return Side(f"{module}: {brings}", lambda: float(look(module)[0]), is_peer)


def measure(*, smoke: bool) -> None:
    compare(
        "Import",
        [
            side("channels_testkit", is_peer=False),
            side("channels.testing", is_peer=True),
        ],
        1 if smoke else 11,
    )
