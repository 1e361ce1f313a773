"""What the docstrings show is what happens."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import TYPE_CHECKING, Any

from channels_testkit.contrib import graphql
from channels_testkit.contrib.graphql import GraphQLTestCase
from tests.utils import OuterTestCase, run_case

if TYPE_CHECKING:
    from collections.abc import Iterator


def docstrings() -> Iterator[tuple[str, str]]:
    for found in pkgutil.iter_modules(graphql.__path__):
        module = importlib.import_module(f"{graphql.__name__}.{found.name}")
        for owner in vars(module).values():
            is_code = inspect.isclass(owner) or inspect.isfunction(owner)
            if is_code and owner.__module__ == module.__name__:
                for name, member in [("", owner), *vars(owner).items()]:
                    place = f"{owner.__qualname__} {name}".rstrip()
                    yield place, inspect.getdoc(member) or ""


def examples() -> dict[str, type[GraphQLTestCase]]:
    """Return a test case for each ``Example::`` block, by what it is of."""
    found: dict[str, type[GraphQLTestCase]] = {}
    for place, text in docstrings():
        _, marker, code = text.partition("\nExample::\n")
        if marker:
            known: dict[str, Any] = {"GraphQLClient": graphql.GraphQLClient}
            exec(f"def test(self):\n{code}", known)
            found[place] = type("ExampleTests", (GraphQLTestCase,), known)
    return found


class DocstringTests(OuterTestCase):
    def test_examples_run(self):
        self.assertIn("GraphQLTestMixin subscribe", examples())
        for place, case in examples().items():
            with self.subTest(place):
                result = run_case(case, "test")
                self.assertEqual(result.texts, [])
