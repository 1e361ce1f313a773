"""A project with 25 tables, on the database of the suite's settings."""

from __future__ import annotations

from tests import settings as suite

DATABASES = suite.DATABASES
if DATABASES["default"]["NAME"] != ":memory:":
    # Its own, so that it can run beside the suite.
    DATABASES["default"]["TEST"] = {"NAME": "test_channels_testkit_benchmarks"}

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "channels",
    "tests.benchmarks",
]
ASGI_APPLICATION = "tests.benchmarks.consumers.application"
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "tests.benchmarks.consumers"
SECRET_KEY = suite.SECRET_KEY
# Django's own live server asks for it.
STATIC_URL = "static/"
USE_TZ = True
