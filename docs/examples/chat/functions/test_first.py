# docs:start first-function
import pytest
from django.contrib.auth.models import User

from chat.models import Room


@pytest.fixture
def people(db):
    ann, ben = map(User.objects.create_user, ["ann", "ben"])
    Room.objects.create(slug="lobby").members.add(ann, ben)
    return ann, ben


def test_the_room_hears_what_ann_says(people, ws_connect):
    ann, ben = [ws_connect("/ws/chat/lobby/", user=user) for user in people]
    assert ben.receive_json()["type"] == "welcome"
    ann.send_json({"type": "say", "text": "hello"})
    assert ben.receive_json()["text"] == "hello"


# docs:end first-function


# docs:start first-function-async
async def test_the_room_hears_what_ann_says_async(people, aws_connect):
    ann, ben = [await aws_connect("/ws/chat/lobby/", user=user) for user in people]
    assert (await ben.receive_json())["type"] == "welcome"
    await ann.send_json({"type": "say", "text": "hello"})
    assert (await ben.receive_json())["text"] == "hello"


# docs:end first-function-async
