"""What an import brings along, in a process of its own each time."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

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


def look(module: str, cache: str) -> list[str]:
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM.format(module=module)]
    # Compiled by the first process, as both are where they are installed.
    variables = {**os.environ, "PYTHONPYCACHEPREFIX": cache}
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    return subprocess.check_output(command, text=True, env=variables).split()


def side(module: str, cache: str, *, is_peer: bool = False) -> Side:
    _, modules, *servers = look(module, cache)
    brings = f"{modules} modules, {', '.join(servers) or 'no server'}"
    return Side(f"{module}: {brings}", lambda: float(look(module, cache)[0]), is_peer)


def measure(*, smoke: bool) -> None:
    with tempfile.TemporaryDirectory() as cache:
        sides = [
            side("channels_testkit", cache),
            side("channels.testing", cache, is_peer=True),
        ]
        compare("Import", sides, 1 if smoke else 11)
