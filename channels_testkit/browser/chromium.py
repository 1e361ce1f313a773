"""Finding Chromium and its driver. Selenium is not needed to import this."""

from __future__ import annotations

import os
import shutil
from typing import NamedTuple

from django.core.exceptions import ImproperlyConfigured

from channels_testkit.testcases.requirements import installed, skip_or_fail

CHROMIUM = "CHANNELS_TESTKIT_CHROMIUM"
CHROMEDRIVER = "CHANNELS_TESTKIT_CHROMEDRIVER"
_CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_CHROMEDRIVER_NAMES = ("chromedriver",)


class Programs(NamedTuple):
    """Where the browser and its driver are."""

    chromium: str
    chromedriver: str


def find_programs() -> Programs:
    """
    Return where Chromium and its driver are.

    What the machine lacks skips the tests, or fails them where
    CHANNELS_TESTKIT_REQUIRE names "browser". Nothing is downloaded.
    """
    if not all(map(installed, ("selenium", "websocket"))):
        skip_or_fail(
            "browser",
            "Selenium is not installed, or websocket-client: python -m pip install"
            ' "channels-testkit[browser]".',
        )
    return Programs(
        _find("Chromium", _CHROMIUM_NAMES, CHROMIUM, package="chromium"),
        _find(
            "Chromium's driver",
            _CHROMEDRIVER_NAMES,
            CHROMEDRIVER,
            package="chromium-driver",
        ),
    )


def _find(what: str, names: tuple[str, ...], variable: str, *, package: str) -> str:
    if named := os.environ.get(variable):
        if found := shutil.which(named):
            return found
        raise ImproperlyConfigured(f"{variable} is {named!r}, which is not a program.")
    for name in names:
        if found := shutil.which(name):
            return found
    return skip_or_fail(
        "browser",
        f"{what} was not found as {', '.join(names)}: install it (Debian's package is"
        f" {package}), or name it in {variable}.",
    )
