"""Settings of the project that djust's adapter is tested on."""

from __future__ import annotations

from tests.settings import (  # noqa: F401 - they are settings here as well
    CHANNEL_LAYERS,
    DATABASES,
    DEFAULT_AUTO_FIELD,
    MAILERS,
    MIDDLEWARE,
    PASSWORD_HASHERS,
    SECRET_KEY,
    TEST_RUNNER,
    USE_TZ,
)

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "channels",
    "djust",
    "tests.app",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates"}]
ROOT_URLCONF = "tests.contrib.djust.urls"
ASGI_APPLICATION = "tests.contrib.djust.asgi.application"
LOGIN_URL = "/login/"

# The views are meant for everybody, and one has an event that is called post.
SILENCED_SYSTEM_CHECKS = ["djust.S005", "djust.V013"]
# What handlers raise on purpose is logged as well.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"none": {"class": "logging.NullHandler"}},
    "loggers": {"djust": {"handlers": ["none"], "propagate": False}},
}
