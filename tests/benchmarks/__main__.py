"""
Compare the library with its peers: ``python -m tests.benchmarks``.

A letter stands for a peer, and "A/15.2" for 15.2 times as fast as A. After a
median come its quartiles and the least of the samples. docs/benchmarks.rst
says how figures are taken.
"""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
from importlib import metadata

from channels_testkit.testcases.requirements import is_required
from tests.__main__ import environment, find_needs

DATABASES = ["sqlite-memory", "postgres"]
COMPARED = ["Django", "channels", "asgiref", "chanx", "djust"]


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--database", action="append", choices=DATABASES, help="instead of both"
    )
    parser.add_argument(
        "--smoke", action="store_true", help="only find out whether all of it works"
    )
    options = parser.parse_args()
    print(
        f"Python {platform.python_version()}",
        *map(version, COMPARED),
        sep=", ",
        flush=True,
    )
    databases = options.database or DATABASES
    return max([measure(database, smoke=options.smoke) for database in databases])


def version(distribution: str) -> str:
    try:
        return f"{distribution} {metadata.version(distribution)}"
    except metadata.PackageNotFoundError:
        return f"no {distribution}"


def measure(database: str, *, smoke: bool) -> int:
    needs = find_needs("", database)
    if needs:
        print(f"\n{database}: not measured, needs {needs}")
        return int(is_required(database))
    command = [sys.executable, "-m", "tests.benchmarks.project"]
    command += ["--smoke"] if smoke else []
    with environment(database) as variables:
        variables["DJANGO_SETTINGS_MODULE"] = "tests.benchmarks.settings"
        return subprocess.run(command, env=variables).returncode


if __name__ == "__main__":
    sys.exit(main())
