"""Settings of the django-liveview project; see ``tests.settings``."""

from __future__ import annotations

from tests.contrib.project import *  # noqa: F403 - settings, all of them
from tests.contrib.project import COMMON_APPS

INSTALLED_APPS = [
    *COMMON_APPS,
    "django.contrib.staticfiles",
    "liveview",
    "tests.contrib.liveview.newsroom",
]
STATIC_URL = "static/"
ROOT_URLCONF = "tests.contrib.liveview.urls"
ASGI_APPLICATION = "tests.contrib.liveview.asgi.application"
# The framework logs what a handler raises, which here is meant to happen.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "loggers": {"liveview": {"level": "CRITICAL"}},
}
