"""Services that a machine may lack: tests that need them are skipped."""

from __future__ import annotations

import importlib
import os
import unittest
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from types import ModuleType

__unittest = True

REQUIRE = "CHANNELS_TESTKIT_REQUIRE"


def installed(module: str) -> ModuleType | None:
    """Return a module, or None where it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError:
        return None


def is_required(service: str) -> bool:
    """Tell whether CHANNELS_TESTKIT_REQUIRE, separated by commas, names it."""
    return service in map(str.strip, os.environ.get(REQUIRE, "").split(","))


def skip_or_fail(service: str, reason: str) -> NoReturn:
    """Skip the test or class that needs a service; fail where it must not."""
    if is_required(service):
        raise AssertionError(f"{reason}\n\n{REQUIRE} names {service!r}.")
    raise unittest.SkipTest(reason)
