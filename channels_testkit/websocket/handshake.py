"""The result of a handshake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from typing_extensions import Self


class Handshake(tuple[bool, "str | int | None"]):
    """
    The result of a handshake.

    It is true if the connection was accepted. It is also the pair that
    ``channels.testing`` returns: whether it was accepted, and the
    subprotocol, the close code, or the status of a denial response.

    ``code`` and ``reason`` are those of a close before the accept; ``status``
    and ``body`` (bytes) those of a denial response; ``headers`` are pairs of
    bytes.

    Example::

        handshake = self.create_client("/ws/echo/").connect()
        self.assertTrue(handshake.accepted)
        accepted, subprotocol = handshake
    """

    #: Whether the application accepted.
    accepted: bool
    #: The subprotocol that it chose.
    subprotocol: str | None
    #: The code of a close before the accept.
    code: int | None
    #: The reason of a close before the accept.
    reason: str
    #: The headers of the answer.
    headers: list[tuple[bytes, bytes]]
    #: The status of a denial response.
    status: int | None
    #: The body of a denial response.
    body: bytes

    def __new__(
        cls,
        *,
        accepted: bool,
        subprotocol: str | None = None,
        code: int | None = None,
        reason: str = "",
        headers: Iterable[tuple[bytes, bytes]] = (),
        status: int | None = None,
        body: bytes = b"",
    ) -> Self:
        """Make the result of its parts."""
        refusal = code if status is None else status
        handshake = super().__new__(
            cls, (accepted, subprotocol if accepted else refusal)
        )
        vars(handshake).update(
            accepted=accepted,
            subprotocol=subprotocol,
            code=code,
            reason=reason,
            headers=list(headers),
            status=status,
            body=body,
        )
        return handshake

    def __getnewargs_ex__(self) -> tuple[tuple[()], dict[str, Any]]:
        # A copy is made of all of it, and not of the pair.
        return (), vars(self)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"A Handshake is read-only: {name} cannot be set.")

    def __bool__(self) -> bool:
        return self.accepted

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Handshake):
            return vars(self) == vars(other)
        return super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = tuple.__hash__

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"Handshake({shown})"
