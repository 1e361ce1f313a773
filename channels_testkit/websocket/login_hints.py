"""Why an application may have another user for a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from channels_testkit.asgi.cookies import cookie_header

if TYPE_CHECKING:
    from collections.abc import Mapping

    from channels_testkit.asgi.scope import HeaderList

NO_SESSION = (
    "If the project does not log users in by session, override get_login(user) on the"
    " test case."
)
_OTHER_COOKIES = (
    "The test gives a Cookie header of its own, which does not have the cookies of the"
    " login. Write cookies={'name': 'value'} instead of that header."
)
_NOT_ACTIVE = (
    "The user has is_active=False, and Django's ModelBackend does not accept inactive"
    " users."
)
_ENDED = (
    "It was logged in at an earlier handshake. Since then the application has ended the"
    " session, or no longer accepts the user. To test that, write client= with a Django"
    " test client that is logged in, instead of user=."
)


def login_hint(
    user: Any, cookies: Mapping[str, Any], headers: HeaderList, *, is_first: bool
) -> str:
    """
    Say why the application may have another user, and what to do.

    ``cookies`` are those of the login. ``is_first`` says whether the login is
    made for this handshake.
    """
    sent = [value for name, value in headers if name.lower() == b"cookie"]
    if sent and not any(cookie_header(cookies) in value for value in sent):
        return _OTHER_COOKIES
    if not getattr(user, "is_active", True):
        return _NOT_ACTIVE
    return NO_SESSION if is_first else _ENDED
