"""Cookies, as a browser keeps them and sends them."""

from __future__ import annotations

import time
from email.utils import formatdate, mktime_tz, parsedate_tz
from http.cookies import CookieError, Morsel, SimpleCookie
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse

from channels_testkit.matching.wording import say

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: How many seconds a browser keeps a cookie at most: 400 days.
_LONGEST = 400 * 24 * 60 * 60


def cookie_header(cookies: Mapping[str, Any]) -> bytes:
    """Return a Cookie header's value for the cookies that have not expired."""
    return "; ".join(
        f"{name}={morsel.coded_value}"
        for name, morsel in as_jar(cookies).items()
        if not has_expired(morsel)
    ).encode()


def as_jar(cookies: Mapping[str, Any]) -> SimpleCookie:
    """Return the cookies of a dict, with their values as they are sent."""
    return cookies if isinstance(cookies, SimpleCookie) else SimpleCookie(dict(cookies))


def cookies_set_by(headers: Iterable[tuple[bytes, bytes]]) -> SimpleCookie:
    """Return the cookies that the headers of an answer set or delete."""
    found = SimpleCookie()
    for name, value in headers:
        if name.lower() == b"set-cookie":
            _read(value.decode("latin1"), found)
    return found


def _read(set_cookie: str, found: SimpleCookie) -> None:
    pair, *attributes = set_cookie.split(";")
    key, _, value = (part.strip() for part in pair.partition("="))
    morsel: Morsel[str] = Morsel()
    try:
        morsel.set(key, *found.value_decode(value))
    except CookieError:
        # Django's test clients can keep no cookie of such a name either.
        return
    for attribute in attributes:
        name, _, said = (part.strip() for part in attribute.partition("="))
        if name.lower() in morsel:
            morsel[name] = said if "=" in attribute else True
    _note_end(morsel)
    found[key] = morsel


def _note_end(morsel: Morsel[str]) -> None:
    """Have the time at which a cookie that lasts some seconds expires."""
    seconds = _max_age(morsel)
    if seconds is not None:
        end = time.time() + min(max(seconds, 0), _LONGEST)
        morsel["expires"] = formatdate(end, usegmt=True)


def _max_age(morsel: Morsel[str]) -> float | None:
    said = str(morsel["max-age"])
    # A float of many digits is infinite; an int of too many raises.
    return float(said) if said.removeprefix("-").isdecimal() else None


def keep_cookies(jar: SimpleCookie, cookies: SimpleCookie) -> None:
    """Put cookies into a jar, and take those out that have expired."""
    for key, morsel in cookies.items():
        if has_expired(morsel):
            jar.pop(key, None)
        else:
            jar[key] = morsel.copy()


def has_expired(morsel: Morsel[str]) -> bool:
    """Tell whether a cookie has been deleted, or its time is over."""
    seconds = _max_age(morsel)
    if seconds is not None and seconds <= 0:
        return True
    expires = parsedate_tz(str(morsel["expires"] or ""))
    return expires is not None and mktime_tz(expires) <= time.time()


def check_cookies(cookies: Any) -> None:
    """Raise ``TypeError`` or ``ValueError`` for what cannot be sent."""
    if cookies is None:
        return
    if not hasattr(cookies, "items"):
        raise TypeError(f"cookies= is a dict, not {say(cookies)}.")
    for name, value in cookies.items():
        check_cookie(name, value, "cookies=")


def check_signed_cookies(signed_cookies: Any, cookies: Any) -> None:
    """Raise ``TypeError`` or ``ValueError`` for what cannot be signed."""
    if signed_cookies is None:
        return
    if not hasattr(signed_cookies, "items"):
        raise TypeError(f"signed_cookies= is a dict, not {say(signed_cookies)}.")
    for name, value in signed_cookies.items():
        parts = value if isinstance(value, tuple) else (value, "")
        if len(parts) != 2 or not all(isinstance(part, str) for part in parts):
            raise TypeError(
                f"signed_cookies= has {say(value)} for {say(name)}: the value is a str,"
                " or a pair of that and the salt, both str."
            )
        check_cookie(name, parts[0], "signed_cookies=")
        if name in (cookies or {}):
            raise TypeError(
                f"Give the cookie {say(name)} in cookies= or in signed_cookies=, not in"
                " both."
            )


def signed(cookies: Mapping[str, str | tuple[str, str]]) -> dict[str, str]:
    """Return cookies as ``HttpResponse.set_signed_cookie()`` signs them."""
    return {
        name: signed_value(name, *((it,) if isinstance(it, str) else it))
        for name, it in cookies.items()
    }


def signed_value(name: str, value: str, salt: str = "") -> str:
    """Return the signed value of one cookie."""
    # How the salt is made of these two differs between versions of Django.
    response = HttpResponse()
    response.set_signed_cookie(name, value, salt=salt)
    found: str = response.cookies[name].value
    return found


def check_cookie(name: Any, value: Any, owner: str) -> None:
    """Raise ``TypeError`` or ``ValueError`` for what is no cookie."""
    if not isinstance(name, str):
        raise TypeError(
            f"{owner} has the name {say(name)}: the name of a cookie is a str."
        )
    if value is None or isinstance(value, bytes):
        raise TypeError(
            f"{owner} has {say(value)} for {say(name)}: the value of a cookie is a str."
        )
    try:
        SimpleCookie({name: value})
    except CookieError as error:
        raise ValueError(
            f"{owner} has the name {say(name)}, which no cookie can have: use letters,"
            " digits, '-' and '_'."
        ) from error
