"""What the docstrings show is what happens."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import TYPE_CHECKING, Any

from channels_testkit.contrib import liveview
from channels_testkit.contrib.liveview import LiveViewTestCase
from tests.utils import OuterTestCase, run_case

if TYPE_CHECKING:
    from collections.abc import Iterator


def docstrings() -> Iterator[tuple[str, str]]:
    for found in pkgutil.iter_modules(liveview.__path__):
        module = importlib.import_module(f"{liveview.__name__}.{found.name}")
        for owner in vars(module).values():
            if getattr(owner, "__module__", None) == module.__name__:
                for name, member in [("", owner), *vars(owner).items()]:
                    place = f"{owner.__qualname__} {name}".rstrip()
                    yield place, inspect.getdoc(member) or ""


def examples() -> dict[str, type[LiveViewTestCase]]:
    """Return a test case for each ``Example::`` block, by what it is of."""
    found: dict[str, type[LiveViewTestCase]] = {}
    for place, text in docstrings():
        _, marker, code = text.partition("\nExample::\n")
        if marker:
            known: dict[str, Any] = {}
            exec(f"def test(self):\n{code}", known)
            found[place] = type("ExampleTests", (LiveViewTestCase,), known)
    return found


class DocstringTests(OuterTestCase):
    def test_examples_run(self):
        self.assertIn("LiveViewTestMixin call_handler", examples())
        for place, case in examples().items():
            with self.subTest(place):
                result = run_case(case, "test")
                self.assertEqual(result.texts, [])
