"""Checking what a test case class says, before its first test."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from .engine.protocol import BREACHES

LEVELS = ("fail", "warn", "off")
WATCHES = ("application_errors", "check_dropped", "check_leaks", "check_unread")
COMMIT_RULES = ("production", "django")
LAYER_SOURCES = ("captive", "configured")


def check_policies(case: Any) -> None:
    """Raise ``ImproperlyConfigured`` for a value that means nothing."""
    for name in WATCHES:
        check_choice(case, name, LEVELS)
    check_choice(case, "layer_source", LAYER_SOURCES)
    check_choice(case, "on_commit_callbacks", COMMIT_RULES)
    _check_breaches(case)
    for name in ("hang_timeout", "receive_timeout"):
        check_seconds(case, name)
    _check_jobs(case)


def check_choice(case: Any, name: str, choices: tuple[str, ...]) -> None:
    """Raise ``ImproperlyConfigured`` for what is none of the choices."""
    value = getattr(case, name)
    if value not in choices:
        listed = ", ".join(map(repr, choices))
        raise ImproperlyConfigured(
            f"{case.__name__}.{name} is one of {listed}, not {value!r}."
        )


def _check_breaches(case: Any) -> None:
    value = case.check_protocol
    if isinstance(value, str):
        check_choice(case, "check_protocol", LEVELS)
        return
    if not isinstance(value, Collection):
        listed = ", ".join(map(repr, LEVELS))
        raise ImproperlyConfigured(
            f"{case.__name__}.check_protocol is one of {listed}, or names breaches to"
            f" allow, not {value!r}."
        )
    unknown = sorted(set(value) - set(BREACHES))
    if unknown:
        raise ImproperlyConfigured(
            f"{case.__name__}.check_protocol allows {', '.join(map(repr, unknown))},"
            f" but the breaches are: {', '.join(BREACHES)}."
        )


def check_seconds(case: Any, name: str) -> None:
    """Raise ``ImproperlyConfigured`` for what is no number of seconds."""
    value = getattr(case, name)
    if value is None and name == "hang_timeout":
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
        raise ImproperlyConfigured(
            f"{case.__name__}.{name} is a number of seconds, not {value!r}."
        )


def _check_jobs(case: Any) -> None:
    value = case.background_jobs
    if isinstance(value, str) or not isinstance(value, Collection):
        raise ImproperlyConfigured(
            f"{case.__name__}.background_jobs is a list of functions or dotted names,"
            f" not {value!r}."
        )
