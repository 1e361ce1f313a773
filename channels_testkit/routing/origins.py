"""The origins that the application's validators accept in a test."""

from __future__ import annotations

import contextlib
import copy
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

from channels.security.websocket import OriginValidator
from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver
from django.test import utils as django_utils

from channels_testkit.asgi.scope import HOST
from channels_testkit.engine.patches import Patch

from .application import layers_of

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT_ORIGIN = f"http://{HOST}"


def default_origin(application: object) -> str:
    """Return an origin that every validator in the chain accepts."""
    validator = refusing_validator(application, DEFAULT_ORIGIN.encode())
    return DEFAULT_ORIGIN if validator is None else _first_origin(validator)


def refusing_validator(
    application: object, origin: bytes | None
) -> OriginValidator | None:
    """Return the validator in the chain that does not accept the origin."""
    parsed = None if origin is None else urlparse(origin.decode("latin1"))
    for layer in layers_of(application):
        if isinstance(layer, OriginValidator) and not layer.valid_origin(parsed):
            return layer
    return None


def origins_of(validator: OriginValidator) -> list[str]:
    """Return the origins that a validator accepts in this test."""
    if follows_settings(validator):
        return _allowed_hosts()
    return list(map(str, validator.allowed_origins))


def _first_origin(validator: OriginValidator) -> str:
    for pattern in origins_of(validator):
        scheme, found, host = pattern.rpartition("://")
        return f"{scheme if found else 'http'}://{host.removeprefix('.')}"
    return DEFAULT_ORIGIN


@contextlib.contextmanager
def allowed_hosts_of_the_test() -> Iterator[None]:
    """
    Let validators that hold the list of ``ALLOWED_HOSTS`` follow settings.

    ``AllowedHostsOriginValidator`` takes the list when ``asgi.py`` is
    imported, which may be before the test runner adds its own host.
    """
    real = OriginValidator.valid_origin

    def valid_origin(validator: OriginValidator, parsed_origin: Any) -> bool:
        if follows_settings(validator):
            validator = copy.copy(validator)
            validator.allowed_origins = _allowed_hosts()
        return bool(real(validator, parsed_origin))

    with Patch(OriginValidator, "valid_origin", valid_origin):
        yield


def _allowed_hosts() -> list[str]:
    if settings.DEBUG and not settings.ALLOWED_HOSTS:
        return ["localhost", "127.0.0.1", "[::1]"]
    return list(settings.ALLOWED_HOSTS)


def follows_settings(validator: OriginValidator) -> bool:
    """Tell whether a validator holds the very list of ``ALLOWED_HOSTS``."""
    return any(validator.allowed_origins is hosts for hosts in _known_allowed_hosts())


def _known_allowed_hosts() -> Iterator[object]:
    """Yield the list of the settings, and those that overrides hide."""
    holder = settings._wrapped  # noqa: SLF001 - Django has no other way
    while holder is not None:
        yield getattr(holder, "ALLOWED_HOSTS", None)
        holder = vars(holder).get("default_settings")
    state = django_utils._TestState  # noqa: SLF001 - where the runner keeps it
    saved = getattr(state, "saved_data", None)
    yield getattr(saved, "allowed_hosts", None)
    yield from _earlier_allowed_hosts


# An application that is imported in a test, or in a class that overrides the
# setting, holds the list of that one for good.
_earlier_allowed_hosts: list[object] = []


@receiver(setting_changed)
def _keep_allowed_hosts(
    *, setting: str, value: object, enter: bool, **kwargs: object
) -> None:
    if setting == "ALLOWED_HOSTS" and enter:
        _earlier_allowed_hosts.append(value)
