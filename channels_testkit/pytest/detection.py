"""Which test functions are tests of the kit: what shows it before they run."""

from __future__ import annotations

import functools
import sys
import types
import unittest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

MARK = "channels_test"
#: The option of the ini file by which every test function is one.
AUTO = "channels_test_auto"
LIVE_SERVER = "channels_live_server"
ROLLBACK_LIVE_SERVER = "channels_rollback_live_server"
#: The fixtures that give a browser, and those that give a live server, too.
BROWSERS = frozenset({"channels_browser", "channels_rollback_browser"})
SERVERS = frozenset({LIVE_SERVER, ROLLBACK_LIVE_SERVER}) | BROWSERS
FIXTURES = SERVERS | {
    *("channels_test", "ws_connect", "aws_connect", "channel_layer", "redis_layer")
}
_PACKAGE = "channels_testkit"
_KINDS = (type, types.FunctionType, types.ModuleType)


def is_function(item: pytest.Item) -> bool:
    """Tell whether a test is a function, or a method of a plain class."""
    kind = getattr(item, "cls", None)
    is_case = isinstance(kind, type) and issubclass(kind, unittest.TestCase)
    return isinstance(item, pytest.Function) and not is_case


def is_explored(item: pytest.Function) -> bool:
    """Tell whether a test may be run under schedules: nothing is imported."""
    exploring = sys.modules.get("channels_testkit.running.exploration")
    marked = (item.obj, item.cls)
    return exploring is not None and exploring.exploration_of(*marked) is not None


def says_so(item: pytest.Function) -> bool:
    """Tell whether a test asks for the kit: by fixture, mark or ini file."""
    return bool(
        item.get_closest_marker(MARK)
        or not FIXTURES.isdisjoint(_fixtures_of_kit(item))
        or item.config.getini(AUTO)
    )


def uses_kit(item: pytest.Function) -> bool:
    """Tell whether a test asks for the kit, or can be seen to import it."""
    if says_so(item) or _has_names(item.module):
        return True
    return _conftests_have_names(item.config.pluginmanager, item.path.parent)


def _fixtures_of_kit(item: pytest.Function) -> Iterator[str]:
    """Yield the fixtures of ours that a test asks for, through others too."""
    known = item._fixtureinfo.name2fixturedefs  # noqa: SLF001 - as other plugins
    for name in item.fixturenames:
        if name in FIXTURES and not _is_users_own(known.get(name, ())):
            yield name


def _is_users_own(definitions: Any) -> bool:
    return bool(definitions) and not _is_of_kit(definitions[-1].func)


@functools.cache
def _conftests_have_names(plugins: Any, folder: Path) -> bool:
    """Tell whether a conftest module that a folder is below holds names."""
    above = {folder, *folder.parents}
    for plugin in plugins.get_plugins():
        file = getattr(plugin, "__file__", None) or ""
        is_above = file.endswith("conftest.py") and Path(file).parent in above
        if is_above and _has_names(plugin):
            return True
    return False


@functools.cache
def _has_names(module: types.ModuleType) -> bool:
    """Tell whether a module holds a name that it has from the kit."""
    return any(map(_is_of_kit, list(vars(module).values())))


def _is_of_kit(value: Any) -> bool:
    if not isinstance(value, _KINDS):
        return False
    is_module = isinstance(value, types.ModuleType)
    origin = value.__name__ if is_module else getattr(value, "__module__", "")
    return isinstance(origin, str) and origin.partition(".")[0] == _PACKAGE
