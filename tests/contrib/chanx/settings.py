"""
Settings of the project on Chanx.

The databases, and how one of them is chosen, are those of tests.settings.
"""

from __future__ import annotations

import logging

import structlog

from tests.settings import (
    DATABASES as DATABASES,
    DEFAULT_AUTO_FIELD as DEFAULT_AUTO_FIELD,
    MAILERS as MAILERS,
    MIDDLEWARE as MIDDLEWARE,
    PASSWORD_HASHERS as PASSWORD_HASHERS,
    SECRET_KEY as SECRET_KEY,
    TEST_RUNNER as TEST_RUNNER,
    USE_TZ as USE_TZ,
)

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "channels",
    "chanx.channels",
    "rest_framework",
    "tests.contrib.chanx",
]
ROOT_URLCONF = "tests.contrib.chanx.urls"
ASGI_APPLICATION = "tests.contrib.chanx.asgi.application"
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}

# What Chanx logs is not for the terminal; the tests are told of its errors.
structlog.configure(
    wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL)
)
