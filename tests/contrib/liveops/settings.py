"""A project with two operations; the database is chosen as for the suite."""

from __future__ import annotations

from tests.settings import (
    DATABASE,
    DEFAULT_AUTO_FIELD,
    MAILERS,
    PASSWORD_HASHERS,
    SECRET_KEY,
    TEST_RUNNER,
    USE_TZ,
)

__all__ = [
    "DEFAULT_AUTO_FIELD",
    "MAILERS",
    "PASSWORD_HASHERS",
    "SECRET_KEY",
    "TEST_RUNNER",
    "USE_TZ",
]

DATABASES = {"default": DATABASE()}
if DATABASES["default"]["NAME"] == "channels_testkit":
    DATABASES["default"]["NAME"] = "channels_testkit_liveops"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "channels",
    "channels_broadcast",
    "liveops",
    "tests.contrib.liveops.shop",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
TEMPLATES = [
    {"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}
]
ROOT_URLCONF = "tests.contrib.liveops.urls"
ASGI_APPLICATION = "tests.contrib.liveops.asgi.application"
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
LIVEOPS = {"RUNNER": "eager"}
