"""Why an application may take a connection for another user's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from channels_testkit.asgi.cookies import cookie_header

if TYPE_CHECKING:
    from collections.abc import Mapping

    from channels_testkit.asgi.scope import HeaderList

NO_SESSION = (
    "Where the project does not log in by session, override get_login(user) on the"
    " test case."
)
_OTHER_COOKIES = (
    "The handshake's Cookie header is the test's own, without the cookies of the"
    " login. Write cookies={'name': 'value'} in the place of that header."
)
_NOT_ACTIVE = (
    "The user has is_active=False, and Django's ModelBackend takes nobody of that kind"
    " for logged in."
)
_ENDED = (
    "It was logged in at an earlier handshake, and the application has ended the"
    " session since, or no longer takes the user. To test that, give client=, a Django"
    " test client that is logged in, in the place of user=."
)


def login_hint(
    user: Any, cookies: Mapping[str, Any], headers: HeaderList, *, is_first: bool
) -> str:
    """
    Return what may be behind another user, and what to do about it.

    ``cookies`` are those of the login, which is made for the handshake with
    these headers where that is the first.
    """
    sent = [value for name, value in headers if name.lower() == b"cookie"]
    if sent and not any(cookie_header(cookies) in value for value in sent):
        return _OTHER_COOKIES
    if not getattr(user, "is_active", True):
        return _NOT_ACTIVE
    return NO_SESSION if is_first else _ENDED
