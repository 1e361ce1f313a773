"""A project with two operations; the database is chosen as for the suite."""

from __future__ import annotations

from tests.contrib.project import *  # noqa: F403 - settings, all of them
from tests.contrib.project import COMMON_APPS, DATABASE

DATABASES = {"default": DATABASE()}
if DATABASES["default"]["NAME"] == "channels_testkit":
    DATABASES["default"]["NAME"] = "channels_testkit_liveops"

INSTALLED_APPS = [
    *COMMON_APPS,
    "channels_broadcast",
    "liveops",
    "tests.contrib.liveops.shop",
]
ROOT_URLCONF = "tests.contrib.liveops.urls"
ASGI_APPLICATION = "tests.contrib.liveops.asgi.application"
LIVEOPS = {"RUNNER": "eager"}
