"""The options of a connection, for type checkers, and their names checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypedDict

from channels_testkit.matching import closest_name
from channels_testkit.matching.wording import shorten

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from http.cookies import Morsel

    from django.test import AsyncClient, Client

    from channels_testkit.asgi.application import GivenApplication
    from channels_testkit.asgi.breaches import Level, ProtocolPolicy

    Text = str | bytes
    Headers = (
        Mapping[str, Text]
        | Mapping[str, str]
        | Mapping[bytes, Text]
        | Iterable[tuple[Text, Text]]
    )
    Query = Text | Mapping[str, object] | Sequence[tuple[str, object]]
    Address = str | tuple[str, int] | Sequence[str | int]


#: What calls that open a connection take besides its options.
_PATHS = ("path", "ws_path")


class AnyUser(Protocol):
    """A user of any model, or an anonymous one."""

    @property
    def is_authenticated(self) -> bool:
        """Whether somebody has logged in."""


class OptionsBesidesLogin(TypedDict, total=False):
    """The options besides ``user`` and ``client``, which say who connects."""

    headers: Headers | None
    cookies: Mapping[str, str | Morsel[str]] | None
    signed_cookies: Mapping[str, str | tuple[str, str]] | None
    subprotocols: Sequence[str] | None
    query: Query | None
    origin: str | None
    remote_address: Address | None
    application: GivenApplication | None
    path_kwargs: Mapping[str, object] | None
    scope: Mapping[str, object] | None
    name: str | None
    check_protocol: ProtocolPolicy | None
    receive_timeout: float | None
    application_errors: Level | None
    frame_schema: Any
    sent_frame_schema: Any


class OtherOptions(OptionsBesidesLogin, total=False):
    """The options besides ``user``, for calls that have that of their own."""

    client: Client | AsyncClient | None


class ConnectOptions(OtherOptions, total=False):
    """
    The options of ``connect()`` and of every call that opens a connection.

    Use it to annotate methods of your own that pass them on.

    Example::

        def join(self, room: str, **options: Unpack[ConnectOptions]):
            return self.connect(f"/ws/room/{room}/", **options)
    """

    user: AnyUser | None


def check_names(given: Mapping[str, Any]) -> None:
    """Raise ``TypeError`` for a name that is none of ``ConnectOptions``."""
    known = sorted(ConnectOptions.__optional_keys__)
    for name in given:
        if name not in known:
            paths = [it for it in _PATHS if it != name]
            near = closest_name(name, [*known, *paths])
            meant = f"did you mean {near}=?" if near else f"there are {_all(known)}."
            raise TypeError(f"A connection has no option {shorten(name)}=; {meant}")


def _all(names: list[str]) -> str:
    return ", ".join(f"{name}=" for name in names)
