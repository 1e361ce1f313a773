"""What the settings of all projects here share."""

from __future__ import annotations

from tests.settings import (
    DATABASE,
    DATABASES,
    DEFAULT_AUTO_FIELD,
    MAILERS,
    MIDDLEWARE,
    PASSWORD_HASHERS,
    SECRET_KEY,
    TEST_RUNNER,
    USE_TZ,
)

__all__ = [
    "CHANNEL_LAYERS",
    "COMMON_APPS",
    "DATABASE",
    "DATABASES",
    "DEFAULT_AUTO_FIELD",
    "MAILERS",
    "MIDDLEWARE",
    "PASSWORD_HASHERS",
    "SECRET_KEY",
    "TEMPLATES",
    "TEST_RUNNER",
    "USE_TZ",
]

COMMON_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "channels",
]
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
TEMPLATES = [
    {"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}
]
