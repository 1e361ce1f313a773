"""Completion shows what the reference describes, and nothing else."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .syntax import syntax_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

#: What unittest calls, and no test does.
OF_UNITTEST = frozenset(
    {
        *("addAsyncCleanup", "asyncSetUp", "asyncTearDown", "debug"),
        *("enterAsyncContext", "run", "setUp", "setUpClass", "tearDown"),
        *("__init_subclass__", "tearDownClass"),
    }
)


def public_classes(module: ModuleType) -> Iterator[type]:
    """Yield the classes that a module offers."""
    for name in module.__all__:
        found = getattr(module, name)
        if inspect.isclass(found):
            yield found


def parents(kind: type) -> Iterator[type]:
    """Yield a class, and those of the package that it inherits from."""
    for parent in kind.__mro__:
        if parent.__module__.startswith("channels_testkit."):
            yield parent


def unsaid(kind: type) -> Iterator[str]:
    """Yield the public names that a class has and does not describe."""
    lines, node = _source_of(kind)
    commented = {
        name for name, line in _assigned(node) if lines[line - 2].strip()[:2] == "#:"
    }
    commented |= set(re.findall(r"``(\w+)``", kind.__doc__ or ""))
    for name, value in vars(kind).items():
        is_said = name in commented or inspect.getdoc(value)
        if not (name.startswith("_") or name in OF_UNITTEST or is_said):
            yield f"{kind.__qualname__}.{name}"
    for name, _ in _assigned(node):
        if not (name.startswith("_") or name in commented or name in vars(kind)):
            yield f"{kind.__qualname__}.{name}"


def _source_of(kind: type) -> tuple[list[str], ast.ClassDef]:
    path = Path(inspect.getfile(kind))
    for node in ast.walk(syntax_of(path)):
        if isinstance(node, ast.ClassDef) and node.name == kind.__name__:
            return path.read_text().splitlines(), node
    raise LookupError(kind)


def _assigned(node: ast.ClassDef) -> Iterator[tuple[str, int]]:
    """Yield what the class and its methods assign to, and the line."""
    for inner in node.body:
        for target in _targets(inner):
            if isinstance(target, ast.Name):
                yield target.id, inner.lineno
    for inner in ast.walk(node):
        for target in _targets(inner):
            is_attribute = isinstance(target, ast.Attribute)
            if is_attribute and ast.unparse(target.value) == "self":
                yield target.attr, inner.lineno


def _targets(node: ast.AST) -> list[Any]:
    if isinstance(node, ast.AnnAssign):
        # Without a value it is for type checkers only.
        return [node.target] if node.value else []
    return node.targets if isinstance(node, ast.Assign) else []


class CompletionTestMixin:
    """What each public class shows is described. Mix it into a test case."""

    modules: tuple[ModuleType, ...] = ()

    def test_each_public_name_is_described(self: Any) -> None:
        for module in self.modules:
            for kind in public_classes(module):
                for parent in parents(kind):
                    with self.subTest(f"{kind.__name__}: {parent.__name__}"):
                        self.assertEqual(sorted(set(unsaid(parent))), [])
