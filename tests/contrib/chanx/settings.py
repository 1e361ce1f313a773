"""
Settings of the project on Chanx.

The databases, and how one of them is chosen, are those of tests.settings.
"""

from __future__ import annotations

import logging

import structlog

from tests.contrib.project import *  # noqa: F403 - settings, all of them
from tests.contrib.project import COMMON_APPS

INSTALLED_APPS = [
    *COMMON_APPS,
    "chanx.channels",
    "rest_framework",
    "tests.contrib.chanx",
]
ROOT_URLCONF = "tests.contrib.chanx.urls"
ASGI_APPLICATION = "tests.contrib.chanx.asgi.application"

# What Chanx logs is not for the terminal; the tests are told of its errors.
structlog.configure(
    wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL)
)
