"""Services that a machine may lack: tests that need them are skipped."""

from __future__ import annotations

import importlib
import os
import unittest
from typing import TYPE_CHECKING, NoReturn

from django.core.exceptions import ImproperlyConfigured

if TYPE_CHECKING:
    from types import ModuleType

__unittest = True

REQUIRE = "CHANNELS_TESTKIT_REQUIRE"
#: What it can name.
SERVICES = ("redis", "postgres", "mariadb", "browser", "live")


def installed(module: str) -> ModuleType | None:
    """Return a module, or None where it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError:
        return None


def is_required(service: str) -> bool:
    """
    Tell whether CHANNELS_TESTKIT_REQUIRE, separated by commas, names it.

    Raises ``ImproperlyConfigured`` where it also names what is no service.
    """
    names = [name.strip() for name in os.environ.get(REQUIRE, "").split(",")]
    for name in filter(None, names):
        if name not in SERVICES:
            raise ImproperlyConfigured(
                f"{REQUIRE} names {name!r}, which is not known. It can name"
                f" {', '.join(map(repr, SERVICES))}."
            )
    return service in names


def skip_or_fail(service: str, reason: str) -> NoReturn:
    """Skip the test or class that needs a service; fail where it must not."""
    if is_required(service):
        raise AssertionError(f"{reason}\n\n{REQUIRE} names {service!r}.")
    raise unittest.SkipTest(reason)
