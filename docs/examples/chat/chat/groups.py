"""The groups of the channel layer, and what is sent to them."""

from functools import partial

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction


def room_group(room):
    """Everybody in a room."""
    return f"room.{room.slug}"


def user_group(user):
    """Every tab of a user, in whatever room."""
    return f"user.{user.pk}"


def login_group(session):
    """Every connection that was opened with one login."""
    return f"login.{session.session_key}"


def account_group(user):
    """Every connection of a user, however it was opened."""
    return f"account.{user.pk}"


def relay(frame):
    """Return the layer message that makes a consumer send ``frame``."""
    return {"type": "relay", "frame": frame}


def send_on_commit(group, message):
    """
    Send to a group when the current transaction is committed.

    Sent any earlier, the message could arrive before its row can be read, or
    tell of a row that is rolled back.
    """
    group_send = async_to_sync(get_channel_layer().group_send)
    transaction.on_commit(partial(group_send, group, message))
