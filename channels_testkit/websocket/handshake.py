"""What came of a handshake."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, eq=False)
class Handshake:
    """
    What came of a handshake.

    It is true when the connection was accepted. It unpacks and indexes as the
    pair that ``channels.testing`` returns: whether it was accepted, and the
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
    subprotocol: str | None = None
    #: The code of a close before the accept.
    code: int | None = None
    #: The reason of a close before the accept.
    reason: str = ""
    #: The headers of the answer.
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    #: The status of a denial response.
    status: int | None = None
    #: The body of a denial response.
    body: bytes = b""

    @property
    def _pair(self) -> tuple[bool, str | int | None]:
        if self.accepted:
            return True, self.subprotocol
        return False, self.code if self.status is None else self.status

    def __bool__(self) -> bool:
        return self.accepted

    def __iter__(self) -> Iterator[bool | str | int | None]:
        return iter(self._pair)

    def __getitem__(self, index: int) -> bool | str | int | None:
        return self._pair[index]

    def __len__(self) -> int:
        return len(self._pair)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Handshake):
            return vars(self) == vars(other)
        return self._pair == other

    def __hash__(self) -> int:
        return hash(self._pair)
