"""What the pages and the docstrings show is what happens."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import os
import pkgutil
import re
import subprocess
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asgiref.sync import async_to_sync
from channels.consumer import AsyncConsumer
from channels.generic.http import AsyncHttpConsumer
from django.contrib.auth.models import User
from django.db import transaction
from django.test import TransactionTestCase
from django.urls import path as url_path

import channels_testkit
from channels_testkit import WebsocketTestCase
from tests.app.asgi import application
from tests.app.consumers import EchoConsumer
from tests.app.tasks import shout
from tests.pytest_plugin.inner import plugin_options
from tests.utils import UPDATE_FAILURES, run_case, starts_programs

from .printed import CHAT, ROOT, TIMELINE, first_failure, without_numbers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

DOCS = ROOT / "docs"
WHAT_EXAMPLES_USE = {
    "AsyncConsumer": AsyncConsumer,
    "AsyncHttpConsumer": AsyncHttpConsumer,
    "EchoConsumer": EchoConsumer,
    "User": User,
    "application": application,
    "async_to_sync": async_to_sync,
    "path": url_path,
    "shout": shout,
    "transaction": transaction,
}
QUOTED = [
    *(CHAT / "chat" / "tests").glob("*.py"),
    *(CHAT / "functions").glob("*.py"),
    *(DOCS / "examples" / "tutorial" / "chat").glob("*.py"),
    *(ROOT / "tests" / "contrib").glob("*/test_*.py"),
    *(ROOT / "tests" / "docs").glob("test_doc_*.py"),
    ROOT / "tests" / "live" / "test_playwright.py",
    ROOT / "tests" / "contrib" / "test_pages.py",
    ROOT / "tests" / "pytest_plugin" / "quoted.py",
]

PREFIX = "channels_testkit."

COMMANDS = [
    'python -m pip install ".[browser]" && cd docs/examples/chat && python manage.py'
    " test",
    "python -m pip install tox",
    "python -m tox -e suite",
]

# A plugin of pytest that makes the same project shout.
MISTAKEN = """
import datetime
from unittest import mock

import pytest


@pytest.fixture(autouse=True)
def mistaken():
    from chat.models import Message

    as_frame = Message.as_frame

    def now():
        return datetime.datetime(2026, 11, 20, 10, tzinfo=datetime.timezone.utc)

    def shouted(message):
        return {**as_frame(message), "text": message.text.upper()}

    with mock.patch.object(Message, "as_frame", shouted):
        with mock.patch("django.utils.timezone.now", now):
            yield
"""


def pages() -> list[Path]:
    return [
        path
        for path in [ROOT / "README.rst", *DOCS.rglob("*.rst")]
        if "examples" not in path.parts and "_build" not in path.parts
    ]


def slices(path: Path) -> dict[str, str]:
    """Return what is between the markers of a file, by name."""
    found = re.findall(
        r"^ *# docs:start (\S+)\n(.*?)^ *# docs:end \1$",
        path.read_text(),
        re.MULTILINE | re.DOTALL,
    )
    return {name: textwrap.dedent(code).strip("\n") for name, code in found}


def python_blocks(page: str) -> list[str]:
    return [
        textwrap.dedent(block).strip("\n")
        for block in re.findall(
            r"^\.\. code-block:: python\n\n((?: +.*\n|\n)+)", page, re.MULTILINE
        )
    ]


def documented(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """Yield what a module defines, members of classes as well."""
    for name, value in vars(module).items():
        if getattr(value, "__module__", None) != module.__name__:
            continue
        yield name, value
        if inspect.isclass(value):
            for member, function in vars(value).items():
                yield f"{name}.{member}", function


def docstring_examples() -> dict[str, type[WebsocketTestCase]]:
    """Return a test case for each ``Example::`` block, by what it is of."""
    names = [
        found.name for found in pkgutil.walk_packages(channels_testkit.__path__, PREFIX)
    ]
    offered = {
        name: getattr(channels_testkit, name) for name in channels_testkit.__all__
    }
    examples: dict[str, type[WebsocketTestCase]] = {}
    for name in names:
        if name.startswith(f"{PREFIX}contrib."):
            continue  # its tests have each framework, and run its examples
        module = importlib.import_module(name)
        for place, value in documented(module):
            _, found, code = (inspect.getdoc(value) or "").partition("\nExample::\n")
            if found:
                known = {**vars(module), **offered, **WHAT_EXAMPLES_USE}
                examples[place] = example_case(textwrap.dedent(code), known)
    return examples


def example_case(code: str, known: dict[str, Any]) -> type[WebsocketTestCase]:
    """Return a test case whose one test is the code, async where it awaits."""
    compiled = compile(code, "<example>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    keyword = "async def" if compiled.co_flags & inspect.CO_COROUTINE else "def"
    exec(f"{keyword} test(self):\n{textwrap.indent(code, '    ')}", known)
    return type("ExampleTests", (WebsocketTestCase,), {"test_example": known["test"]})


class ReadmeTests(unittest.TestCase):
    readme = (ROOT / "README.rst").read_text()

    def test_commands_are_those_that_are_run_on_every_change(self):
        lines = [line.strip() for line in self.readme.splitlines()]
        ours = [line for line in lines if line.startswith("python -m ")]
        self.assertEqual(ours, COMMANDS)

    def test_first_test_is_that_of_the_example_project(self):
        first = slices(CHAT / "chat" / "tests" / "test_first.py")["first-test"]
        function = slices(CHAT / "functions" / "test_first.py")["first-function"]
        self.assertEqual(python_blocks(self.readme), [first, function])

    def test_first_failure_is_that_which_is_printed(self):
        failure = (DOCS / "printed" / "first-failure.txt").read_text()
        beginning, _, _ = failure.partition(f"\n\n{TIMELINE}")
        self.assertIn(textwrap.indent(beginning, "    "), self.readme)

    def test_links_lead_to_files_and_are_used(self):
        targets = dict(
            re.findall(r"^\.\. _(.+): (docs/\S+)$", self.readme, re.MULTILINE)
        )
        inline = re.findall(r"`[^`<]+ <([^>]+)>`_", self.readme)
        here = [path for path in inline if "://" not in path]
        for path in [*targets.values(), *here]:
            self.assertTrue((ROOT / path).is_file(), path)
        self.assertEqual(set(re.findall(r"`([^`<]+)`_", self.readme)), set(targets))

    def test_it_is_short(self):
        self.assertLess(len(self.readme.splitlines()), 180)


def page_of(name: str, printed: str) -> str:
    """Return what a page shows, which the environment can have written."""
    path = DOCS / "printed" / f"{name}.txt"
    if os.environ.get(UPDATE_FAILURES):
        path.write_text(printed)
    return path.read_text()


@starts_programs
class FirstFailureTests(unittest.TestCase):
    """Starts another Python, and Django with the example project in it."""

    def test_it_is_what_the_page_shows(self):
        terminal = first_failure()
        _, _, printed = terminal.partition("AssertionError: ")
        failure, _, _ = f"AssertionError: {printed}".partition(f"\n\n{'-' * 70}")
        failure = failure.rstrip() + "\n"
        shown = without_numbers(page_of("first-failure", failure))
        self.assertEqual(without_numbers(failure), shown, terminal)


@unittest.skipUnless(
    importlib.util.find_spec("pytest_django"),
    "this runs pytest-django (python -m pip install pytest-django)",
)
@starts_programs
class FunctionFailureTests(unittest.TestCase):
    """Starts pytest with the example project's functions in it."""

    maxDiff = None

    def test_it_is_what_the_page_shows(self):
        # A reader has no debug mode, in which asyncio logs what is slow.
        variables = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        with tempfile.TemporaryDirectory() as directory:
            Path(directory, "mistaken.py").write_text(MISTAKEN)
            ended = subprocess.run(
                [sys.executable, "-m", "pytest", *self.options()],
                cwd=CHAT,
                env={
                    **variables,
                    "DJANGO_SETTINGS_MODULE": "mysite.settings",
                    "PYTHONPATH": os.pathsep.join([directory, str(ROOT)]),
                },
                capture_output=True,
                text=True,
                check=False,
            )
        _, _, printed = ended.stdout.partition("FAILURES ===")
        failure, _, _ = printed.partition("\n==== short test summary")
        failure = failure.partition("\n")[2].partition("\n=")[0]
        shown = page_of("function-failure", failure + "\n")
        failure = without_numbers(failure + "\n")
        self.assertEqual(failure, without_numbers(shown), ended.stdout + ended.stderr)

    def options(self) -> list[str]:
        return [
            *("-p", "no:cacheprovider", "-p", "no:randomly", "-p", "mistaken"),
            *("--color=no", *plugin_options()),
            "functions/test_first.py::test_the_room_hears_what_ann_says",
        ]


class PageTests(unittest.TestCase):
    def test_code_is_quoted_from_tests_or_is_a_counterexample(self):
        for path in pages():
            if path.name == "README.rst":
                continue
            with self.subTest(page=path.name):
                blocks = re.findall(
                    r"^ *\.\. code-block:: python\n(?! *:class: wrong\n).*",
                    path.read_text(),
                    re.MULTILINE,
                )
                self.assertEqual(blocks, [])

    def test_every_slice_is_quoted(self):
        text = "\n".join(path.read_text() for path in pages())
        quoted = set(re.findall(r":start-after: docs:start (\S+)", text))
        marked = {name for path in QUOTED for name in slices(path)}
        self.assertEqual(marked - quoted, set())

    def test_quoted_slices_end_where_they_should(self):
        for path in pages():
            page = path.read_text()
            with self.subTest(page=path.name):
                self.assertEqual(
                    re.findall(r":start-after: docs:start (\S+)", page),
                    re.findall(r":end-before: docs:end (\S+)", page),
                )

    def test_words_that_make_readers_feel_slow_are_avoided(self):
        for path in pages():
            with self.subTest(page=path.name):
                words = re.findall(
                    r"\b(?:simply|just|easy|easily|obviously)\b",
                    path.read_text(),
                    re.IGNORECASE,
                )
                self.assertEqual(words, [])


class DocstringTests(TransactionTestCase):
    # An inner TestCase closes the connection at its end, as Django's do.

    def test_examples_run(self):
        for place, case in docstring_examples().items():
            with self.subTest(place):
                result = run_case(case)
                self.assertEqual(result.texts, [])
                self.assertEqual(result.testsRun, 1)

    def test_an_example_that_fails_is_noticed(self):
        result = run_case(example_case("self.assertEqual(1, 2)", {}))
        self.assertEqual(result.texts, ["1 != 2"])

    def test_examples_are_found_wherever_they_are(self):
        found = docstring_examples()
        self.assertIn("WebsocketTestCase", found)
        self.assertIn("Connecting.connect", found)
        self.assertIn("first_difference", found)
