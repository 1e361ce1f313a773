"""What the consumers do, apart from talking."""

from __future__ import annotations

from .models import Board, Note


async def keep_note(*, board: Board, text: str) -> Note:
    return await Note.objects.acreate(board=board, text=text)
