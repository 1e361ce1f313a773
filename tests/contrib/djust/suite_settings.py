"""Settings that djust's own tests are run with."""

from __future__ import annotations

from .settings import *  # noqa: F403 - settings, all of them

_REQUEST = "django.template.context_processors.request"
_AUTH = "django.contrib.auth.context_processors.auth"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": [_REQUEST, _AUTH]},
    }
]
LOGGING = {}
