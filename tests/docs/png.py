"""A text that a PNG holds beside its picture."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
#: A keyword, then: compressed by zlib, no language, no translated keyword.
_HEAD = b"Source\0\1\0\0\0"


def with_text(png: bytes, text: str) -> bytes:
    """Return the picture with the text in it, in a chunk of type iTXt."""
    chunks = [chunk for chunk in _chunks(png) if chunk[:4] != b"iTXt"]
    chunks.insert(-1, b"iTXt" + _HEAD + zlib.compress(text.encode(), 9))
    return _SIGNATURE + b"".join(
        (len(chunk) - 4).to_bytes(4, "big")
        + chunk
        + zlib.crc32(chunk).to_bytes(4, "big")
        for chunk in chunks
    )


def text_of(png: bytes) -> str:
    """Return the text that ``with_text()`` put into it."""
    (chunk,) = (chunk for chunk in _chunks(png) if chunk[:4] == b"iTXt")
    return zlib.decompress(chunk[4 + len(_HEAD) :]).decode()


def _chunks(png: bytes) -> Iterator[bytes]:
    """Yield type and data of each chunk."""
    place = len(_SIGNATURE)
    while place < len(png):
        end = place + 8 + int.from_bytes(png[place : place + 4], "big")
        yield png[place + 4 : end]
        place = end + 4
