from __future__ import annotations

from typing import Any

from liveview import send

PROTECTED = {"file_story", "spike_story"}


def only_staff(consumer: Any, content: dict[str, Any], function: str) -> object:
    if function not in PROTECTED or consumer.scope["user"].is_authenticated:
        return None
    send(consumer, {"target": "#login", "html": "Please log in"})
    return False
