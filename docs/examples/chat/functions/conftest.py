from types import SimpleNamespace

import pytest

from chat.tests.rooms import make_rooms


@pytest.fixture
def rooms(db):
    """Ann and Ben are in the lobby, Cal is in the garden, Sue is staff."""
    rooms = SimpleNamespace()
    make_rooms(rooms)
    return rooms
