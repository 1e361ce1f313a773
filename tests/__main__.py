"""
Run the whole suite: ``python -m tests``.

By Django's runner on each database, then by pytest, then some of it under
schedules. Unless modules are named, the other databases run only what uses a
database, without tests.browser; and pytest leaves out what starts programs.
Other arguments go to the runner as they are. What the machine lacks is
skipped, and the summary says how to get it; what CHANNELS_TESTKIT_REQUIRE
lists ("postgres", "mariadb") fails instead.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import importlib.metadata
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from channels_testkit.testcases.requirements import is_required
from tests import mariadb, postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVERS = {"postgres": postgres, "mariadb": mariadb}
DATABASES = ["sqlite-memory", "sqlite-file", *SERVERS]
RUNNERS = ["django", "pytest", "explored"]
#: Any other pair is run when both of its names are given.
USUAL = [
    *(("django", database) for database in DATABASES),
    ("pytest", DATABASES[0]),
    ("explored", DATABASES[0]),
]

#: The tag of tests that start programs, with a runner and a database of their
#: own: only the first run has them.
PROGRAMS = "programs"

#: What is explored of the suite; ``tests.explored`` says more.
EXPLORED_ROOMS = [
    "tests.asgi",
    "tests.assertions",
    "tests.http",
    "tests.layers",
    "tests.routing",
    "tests.testcases",
    "tests.websocket",
    "tests.workers",
]

MODULES = {
    "pytest": {"pytest_django": "pytest-django", "xdist": "pytest-xdist"},
    "postgres": {"psycopg": "psycopg[binary]"},
    "mariadb": {"pymysql": "PyMySQL"},
}


@dataclasses.dataclass
class Outcome:
    """What came of one run of the suite."""

    name: str
    passed: int = 0
    failed: int = 0
    skipped: list[str] = dataclasses.field(default_factory=list)  # the reasons
    needs: str = ""

    def __str__(self) -> str:
        if self.needs:
            return f"{self.name}: not run, needs {self.needs}"
        return f"{self.name}: {total([self])}"


def total(outcomes: list[Outcome]) -> str:
    passed = sum(outcome.passed for outcome in outcomes)
    failed = sum(outcome.failed for outcome in outcomes)
    skipped = sum(len(outcome.skipped) for outcome in outcomes)
    ending = f", {skipped} skipped" if skipped else ""
    return f"{passed} passed, {failed} failed{ending}"


def find_needs(runner: str, database: str) -> str:
    """Say what the run needs and this machine lacks."""
    modules = {**MODULES.get(runner, {}), **MODULES.get(database, {})}
    needs = [
        f'{distribution} (python -m pip install "{distribution}")'
        for module, distribution in modules.items()
        if importlib.util.find_spec(module) is None
    ]
    if database in SERVERS and not SERVERS[database].is_available():
        needs.append(SERVERS[database].HOW_TO_GET)
    return " and ".join(needs)


def find_missing() -> list[str]:
    """Return what is not installed of the group "test" of pyproject.toml."""
    pyproject = (Path(__file__).resolve().parent.parent / "pyproject.toml").read_text()
    _, _, group = pyproject.partition("\ntest = [\n")
    group, _, _ = group.partition("\n]")
    missing = []
    # Python 3.10 cannot read TOML.
    for line in group.splitlines():
        required, _, marker = line.split('"')[1].partition(";")
        if marker and sys.platform == "win32":
            continue
        try:
            importlib.metadata.distribution(re.split(r"[\[<>=]", required)[0])
        except importlib.metadata.PackageNotFoundError:
            missing.append(required)
    return missing


@contextlib.contextmanager
def environment(database: str) -> Iterator[dict[str, str]]:
    """Run the server that the database needs; give the run's environment."""
    variables = {**os.environ, "CHANNELS_TESTKIT_DATABASE": database}
    if sys.flags.dev_mode:
        variables["PYTHONDEVMODE"] = "1"
    if database not in SERVERS:
        yield variables
    else:
        with SERVERS[database].server() as address:
            yield variables | address


def command(runner: str, database: str, arguments: list[str]) -> list[str]:
    warnings = [f"-W{option}" for option in sys.warnoptions]
    is_whole = not has_labels(arguments)
    if runner == "pytest":
        # The workers are started without this process's warning filters.
        call = ["pytest", "-q", "-n2", "--ds=tests.settings", *warnings]
        call += ["-p", "tests.runner", "-p", "no:randomly"]
        left_out = ["-m", f"not {PROGRAMS}"]
    else:
        call = django_command(runner)
        left_out = [f"--exclude-tag={PROGRAMS}"]
    if is_whole and (runner, database) != USUAL[0]:
        call += left_out
    labels = EXPLORED_ROOMS if runner == "explored" else ["tests"]
    return [sys.executable, *warnings, "-m", *call, *arguments, *labels * is_whole]


def has_labels(arguments: list[str]) -> bool:
    return any(argument.startswith("tests") for argument in arguments)


def django_command(runner: str) -> list[str]:
    # Without tblib, Django cannot bring a failure out of another process.
    parallel = "auto" if importlib.util.find_spec("tblib") else "1"
    call = ["django", "test", "--noinput", "--settings=tests.settings"]
    call.append(f"--parallel={parallel}")
    if runner == "explored":
        call.append("--exclude-tag=not-explored")
    return call


def run(
    runner: str, database: str, without: list[str], arguments: list[str]
) -> Outcome:
    outcome = Outcome(f"{runner} on {database}", needs=find_needs(runner, database))
    if outcome.needs:
        outcome.failed = int(is_required(database))
        return outcome
    print(f"\n{outcome.name}", flush=True)
    with tempfile.TemporaryDirectory() as directory, environment(database) as variables:
        counts = Path(directory, "counts")
        variables["CHANNELS_TESTKIT_COUNTS"] = str(counts)
        if runner == "explored":
            variables["CHANNELS_TESTKIT_EXPLORED"] = "20"
        if database != DATABASES[0] and not has_labels(arguments):
            variables["CHANNELS_TESTKIT_ONLY_DATABASE"] = "1"
            without = [*without, "tests.browser"]
        variables["CHANNELS_TESTKIT_WITHOUT"] = " ".join(without)
        ended = subprocess.run(command(runner, database, arguments), env=variables)
        if counts.exists():
            vars(outcome).update(json.loads(counts.read_text()))
    # Breaking down is a failure too, and so is finding no test.
    if ended.returncode or not (outcome.passed or outcome.skipped):
        outcome.failed = outcome.failed or 1
    return outcome


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests", description=__doc__)
    parser.add_argument("--database", action="append", choices=DATABASES)
    parser.add_argument("--runner", action="append", choices=RUNNERS)
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        help="a package that Django's runner leaves out, as tests.browser",
    )
    options, arguments = parser.parse_known_args()
    # So that what is running is stopped, a server above all.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    outcomes = [
        run(runner, database, options.without, arguments)
        for runner in options.runner or RUNNERS
        for database in options.database or DATABASES
        if (runner, database) in USUAL or (options.runner and options.database)
    ]
    print("\nSummary")
    for outcome in outcomes:
        print(f"  {outcome}")
    reasons = Counter(reason for outcome in outcomes for reason in outcome.skipped)
    for reason, number in sorted(reasons.items()):
        print(f"  skipped {number}: {reason}")
    if missing := find_missing():
        names = " ".join(f'"{name}"' for name in missing)
        print(f"  To install what some tests need: python -m pip install {names}")
    print(total(outcomes), flush=True)
    return int(any(outcome.failed for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
