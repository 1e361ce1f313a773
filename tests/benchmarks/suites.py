"""
Run suites of others with ``channels.testing``, and with one import changed.

``python -m tests.benchmarks.suites --folder DIR`` clones each at a commit,
makes an environment of fixed versions for it, runs both in turns, and prints a
row of a table: how many tests passed, in how many seconds. What is in DIR
already is used again.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
COMMON = ("Django==5.2.19", "channels==4.3.2", "daphne==4.2.3", "asgiref==3.13.0")
RUNNERS = ("pytest==9.2.0", "pytest-django==4.14.0", "pytest-asyncio==1.5.0", "msgpack")
PYTEST = ("-p", "no:cacheprovider", "-q", "--tb=line")
STRICT = ("-o", "asyncio_mode=strict")
IMPORT = re.compile(r"(?<![\w.])channels\.testing(\.websocket|\.http|\.application)?")
#: A module that imports this way has used what came along with it.
WHOLE = re.compile(r"^import channels\.testing$", re.MULTILINE)
SETTINGS = """
from openwisp2.settings import *

CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
CELERY_TASK_ALWAYS_EAGER = True
CELERY_BROKER_URL = "memory://"
"""


class Suite(NamedTuple):
    """A suite, where it is, and what it needs."""

    repository: str
    commit: str
    requirements: tuple[str, ...]
    arguments: tuple[str, ...]
    #: What both sides need on newer versions than the suite was written for.
    edits: tuple[tuple[str, str, str], ...] = ()
    #: Files that are added.
    files: tuple[tuple[str, str], ...] = ()
    paths: tuple[str, ...] = (".",)
    environment: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        return self.repository.rpartition("/")[2]


SUITES = (
    Suite(
        "django/channels",
        "15333cd7a59ba4fcafbbcb3089e41e1353624b2f",
        (*RUNNERS, "async-timeout==5.0.1"),
        ("tests", "--ignore=tests/sample_project"),
    ),
    Suite(
        "NilCoalescing/djangochannelsrestframework",
        "408179734978bb4303f01d41869459c8de22ca25",
        (*RUNNERS, "djangorestframework==3.18.3"),
        ("tests", *STRICT),
    ),
    Suite(
        "datadvance/DjangoChannelsGraphqlWs",
        "1ade107f61a1c39bdfd5896d186416fe642a5ec3",
        (
            *RUNNERS,
            *("graphene==3.4.3", "graphene-django==3.2.3", "graphql-core==3.2.3"),
            *("aiohttp", "plumbum", "channels-redis==4.3.0"),
        ),
        # Left out: what Python 3.11 does not take any more, and linters.
        (
            *("tests", "-o", "addopts="),
            *("--ignore=tests/test_concurrent.py", "--ignore=tests/test_linters.py"),
        ),
    ),
    Suite(
        "hishnash/channelsmultiplexer",
        "4a50eac89bf140015e92833a89314859b503bcf3",
        RUNNERS,
        ("tests", *STRICT),
        edits=(
            (
                "tests/test_demultiplexer.py",
                "from django.conf.urls import url",
                "from django.urls import re_path as url",
            ),
        ),
    ),
    Suite(
        "strawberry-graphql/strawberry",
        "53008d932ecb2b13d0fb8d8e55395b61e3fcd284",
        (
            *RUNNERS,
            *("strawberry-graphql==0.324.0", "pytest-mock", "pytest-aiohttp"),
            *("pytest-emoji", "pytest-snapshot", "inline-snapshot", "urllib3"),
        ),
        ("tests/channels", "tests/http", "tests/websockets", "-m", "channels"),
    ),
    Suite(
        "openwisp/openwisp-notifications",
        "92ebbb31aa0c4ef7d545ec713382968e685f16cc",
        (
            # This brings older runners, which it pins.
            *("openwisp-users~=1.2.0", "markdown~=3.9", "jsonfield>=2.1.0"),
            "openwisp-utils[rest,celery,channels,channels-test]~=1.2.0",
            *("django-cors-headers~=4.9.0", "django-redis~=6.0.0", "freezegun~=1.5.5"),
        ),
        ("openwisp_notifications/tests/test_websockets.py",),
        files=(("tests/openwisp2/settings_without_redis.py", SETTINGS),),
        paths=(".", "tests"),
        environment=(("DJANGO_SETTINGS_MODULE", "openwisp2.settings_without_redis"),),
    ),
)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.suites",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--only", action="append", help="a name, not all of them")
    options = parser.parse_args()
    for suite in SUITES:
        if suite.name in (options.only or [suite.name]):
            measure(suite, options.folder.resolve())


def measure(suite: Suite, folder: Path) -> None:
    """Run both sides of one suite, and print them."""
    python = installed(suite, folder)
    sides = [
        (label, run(suite, prepared(suite, folder, is_changed=is_changed), python))
        for label, is_changed in (("channels.testing", False), ("changed", True))
    ]
    print(suite.name, *(f"{label}: {found}" for label, found in sides), sep="\n  ")


def installed(suite: Suite, folder: Path) -> Path:
    """Return the Python of an environment that has what a suite needs."""
    python = folder / f"env-{suite.name}" / "bin" / "python"
    if not python.exists():
        subprocess.check_call([sys.executable, "-m", "venv", python.parent.parent])
        pip = [python, "-m", "pip", "install", "--quiet"]
        subprocess.check_call([*pip, *COMMON, *suite.requirements])
    return python


def prepared(suite: Suite, folder: Path, *, is_changed: bool) -> Path:
    """Return a fresh copy of a suite, with one import changed or as it is."""
    clone, copy = folder / suite.name, folder / f"copy-{suite.name}"
    if not clone.exists():
        url = f"https://github.com/{suite.repository}"
        subprocess.check_call(["git", "clone", "--quiet", url, clone])
    subprocess.check_call(["git", "checkout", "--quiet", suite.commit], cwd=clone)
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(clone, copy)
    for name, before, after in suite.edits:
        edited = (copy / name).read_text().replace(before, after)
        (copy / name).write_text(edited)
    for name, text in suite.files:
        (copy / name).write_text(text)
    for path in copy.rglob("*.py") if is_changed else ():
        if path.parent != copy / "channels" / "testing":
            change_import(path)
    return copy


def change_import(path: Path) -> None:
    source = path.read_text()
    changed = WHOLE.sub("import channels.routing, channels_testkit", source)
    changed = IMPORT.sub("channels_testkit", changed)
    if changed != source:
        path.write_text(changed)


def run(suite: Suite, copy: Path, python: Path) -> str:
    """Run one side; return what pytest says of it, and how long it took."""
    paths = [str(copy / path) for path in suite.paths]
    plugin = ("-p", "channels_testkit.pytest.plugin")
    start = time.perf_counter()
    ended = subprocess.run(
        [python, "-m", "pytest", *PYTEST, *plugin, *suite.arguments],
        cwd=copy,
        env={
            **{key: value for key, value in os.environ.items() if "DJANGO" not in key},
            "PYTHONPATH": os.pathsep.join([*paths, str(ROOT)]),
            **dict(suite.environment),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    seconds = time.perf_counter() - start
    lines = ended.stdout.splitlines() or ["nothing"]
    failed = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    summary = next((line for line in reversed(lines) if " in " in line), lines[-1])
    counts = summary.rpartition(" in ")[0]
    return "\n    ".join([f"{counts or summary}; {seconds:.1f} s", *failed])


if __name__ == "__main__":
    main()
