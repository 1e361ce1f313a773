"""Settings of the project that djust's adapter is tested on."""

from __future__ import annotations

from tests.contrib.project import *  # noqa: F403 - settings, all of them
from tests.contrib.project import COMMON_APPS

INSTALLED_APPS = [
    *COMMON_APPS,
    "djust",
    "tests.app",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates"}]
ROOT_URLCONF = "tests.contrib.djust.urls"
ASGI_APPLICATION = "tests.contrib.djust.asgi.application"
LOGIN_URL = "/login/"

# The views are meant for everybody, one has an event that is called post, and
# one has no template yet.
SILENCED_SYSTEM_CHECKS = ["djust.S005", "djust.V001", "djust.V013"]
# What handlers raise on purpose is logged as well.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"none": {"class": "logging.NullHandler"}},
    "loggers": {"djust": {"handlers": ["none"], "propagate": False}},
}
