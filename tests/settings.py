"""
Settings of the library's own suite.

``CHANNELS_TESTKIT_DATABASE`` chooses the database: ``sqlite-memory`` (the
default), ``sqlite-file``, ``postgres`` (the server that ``PGHOST``,
``PGPORT``, ``PGUSER`` and ``PGPASSWORD`` name), or ``mariadb`` (the server
that ``MARIADB_HOST``, ``MARIADB_PORT``, ``MARIADB_USER`` and
``MARIADB_PASSWORD`` name; the host may be the path of a socket). On a server
its name is ``CHANNELS_TESTKIT_DATABASE_NAME``.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

NAME = os.environ.get("CHANNELS_TESTKIT_DATABASE_NAME", "channels_testkit")


def temporary_directory() -> Path:
    """Make a directory of this process's own, gone when it ends."""
    path = tempfile.mkdtemp(prefix="channels-testkit-")
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return Path(path)


def sqlite_memory() -> dict[str, object]:
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}


def sqlite_file() -> dict[str, object]:
    # Django copies the TEST file for each process of --parallel. Each worker
    # of pytest-xdist imports this module, and has a directory of its own.
    directory = temporary_directory()
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": directory / "db.sqlite3",
        "TEST": {"NAME": directory / "test.sqlite3"},
    }


def postgres() -> dict[str, object]:
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": NAME,
        "HOST": os.environ.get("PGHOST", ""),
        "PORT": os.environ.get("PGPORT", ""),
        "USER": os.environ.get("PGUSER", ""),
        "PASSWORD": os.environ.get("PGPASSWORD", ""),
    }


def mariadb() -> dict[str, object]:
    # Django knows mysqlclient, which has to be compiled; this one has not.
    import pymysql

    pymysql.install_as_MySQLdb()
    return {
        "ENGINE": "django.db.backends.mysql",
        "NAME": NAME,
        "HOST": os.environ.get("MARIADB_HOST", ""),
        "PORT": os.environ.get("MARIADB_PORT", ""),
        "USER": os.environ.get("MARIADB_USER", ""),
        "PASSWORD": os.environ.get("MARIADB_PASSWORD", ""),
        # It would read all certificates of the system for each connection.
        "OPTIONS": {"ssl_disabled": True},
        "TEST": {"CHARSET": "utf8mb4"},
    }


DATABASE = {
    "sqlite-memory": sqlite_memory,
    "sqlite-file": sqlite_file,
    "postgres": postgres,
    "mariadb": mariadb,
}[os.environ.get("CHANNELS_TESTKIT_DATABASE", "sqlite-memory")]
DATABASES = {"default": DATABASE()}

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "channels",
    "tests.app",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
ROOT_URLCONF = "tests.app.urls"
ASGI_APPLICATION = "tests.app.asgi.application"
CHANNEL_LAYERS = {
    "default": {"BACKEND": "channels.layers.InMemoryChannelLayer"},
    "other": {"BACKEND": "channels.layers.InMemoryChannelLayer"},
}

TEST_RUNNER = "tests.runner.CountingRunner"
# Hashing that takes no time: the suite makes many users and guards none.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Django 6.1 wants mailers; the test runner puts its own in their place.
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
SECRET_KEY = "the tests have no secrets"
USE_TZ = True
