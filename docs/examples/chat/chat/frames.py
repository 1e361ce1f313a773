import json

from django.core.exceptions import ValidationError


def decode(text):
    """Return the JSON object in a text frame, or raise ``ValidationError``."""
    try:
        return json.loads(text or "")
    except (ValueError, RecursionError):
        raise ValidationError("Not JSON.") from None


def error(exception):
    return {"type": "error", "errors": exception.messages}
