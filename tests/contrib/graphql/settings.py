"""A chat with a GraphQL API; the database is chosen as for the suite."""

from __future__ import annotations

from tests.contrib.project import *  # noqa: F403 - settings, all of them
from tests.contrib.project import COMMON_APPS, DATABASE

DATABASES = {"default": DATABASE()}
if DATABASES["default"]["NAME"] == "channels_testkit":
    DATABASES["default"]["NAME"] = "channels_testkit_graphql"

INSTALLED_APPS = COMMON_APPS
ROOT_URLCONF = "tests.contrib.graphql.urls"
ASGI_APPLICATION = "tests.contrib.graphql.asgi.application"
# What resolvers raise on purpose is logged as well.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"none": {"class": "logging.NullHandler"}},
    "loggers": {"strawberry": {"handlers": ["none"], "propagate": False}},
}
