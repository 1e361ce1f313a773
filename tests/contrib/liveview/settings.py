"""Settings of the django-liveview project; see ``tests.settings``."""

from __future__ import annotations

from tests.settings import (  # noqa: F401
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
    "django.contrib.staticfiles",
    "channels",
    "liveview",
    "tests.contrib.liveview.newsroom",
]
TEMPLATES = [
    {"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}
]
STATIC_URL = "static/"
ROOT_URLCONF = "tests.contrib.liveview.urls"
ASGI_APPLICATION = "tests.contrib.liveview.asgi.application"
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
# The framework logs what a handler raises, which here is meant to happen.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "loggers": {"liveview": {"level": "CRITICAL"}},
}
