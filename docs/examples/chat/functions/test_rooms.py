import pytest
from channels_testkit import ChannelClient, Group, WSClient

from chat.groups import relay

pytestmark = pytest.mark.channels_test(ws_path="/ws/chat/lobby/")


# docs:start fixture
@pytest.fixture
def members(rooms, channels_test):
    members = channels_test.connect_many(users=[rooms.ann, rooms.ben])
    for member in members:
        member.receive_all_json()
    return members


def test_a_message_is_stored(rooms, members):
    ann, _ = members
    ann.send_json({"type": "say", "text": "hello"})
    assert rooms.lobby.messages.get().text == "hello"


def test_messages_of_other_tests_are_rolled_back(rooms, members):
    ann, _ = members
    ann.send_json({"type": "say", "text": "good evening"})
    assert rooms.lobby.messages.get().text == "good evening"
    # docs:end fixture


# docs:start assertions
def test_the_other_rooms_receive_nothing(rooms, members, channels_test):
    cal = channels_test.connect("/ws/chat/garden/", user=rooms.cal)
    cal.receive_all_json()
    members[0].send_json({"type": "say", "text": "hello"})
    channels_test.assertOnlyReceive(members, {"text": "hello"}, partial=True)
    channels_test.assertReceivesNothing(cal)
    channels_test.assertGroupMembers("room.lobby", members)
    # docs:end assertions


# docs:start worker
def test_the_worker_hides_what_two_members_report(rooms, members, channels_test):
    message = rooms.lobby.messages.create(author=rooms.ann, text="spam")
    with channels_test.run_worker("moderation"):
        for member in members:
            member.send_json({"type": "report", "id": message.pk})
    hidden = {"type": "hidden", "id": message.pk}
    channels_test.assertAllReceive(members, hidden)
    # docs:end worker


async def test_presence(rooms, aws_connect):
    ann = await aws_connect(user=rooms.ann)
    await ann.receive_all_json()
    ben = await aws_connect(user=rooms.ben)
    assert await ann.receive_json() == {"type": "joined", "user": "ben"}
    await ben.disconnect()
    assert await ann.receive_json() == {"type": "left", "user": "ben"}


# docs:start no-fixture
def test_without_any_fixture_of_the_kit(rooms):
    cal = WSClient("/ws/chat/garden/", user=rooms.cal)
    assert cal.connect()
    Group("room.garden").send(relay({"type": "hidden", "id": 7}))
    assert {"type": "hidden", "id": 7} in cal.receive_all_json()
    # docs:end no-fixture


def test_one_message_for_a_worker(rooms, channel_layer, settings):
    settings.CHAT_REPORTS_TO_HIDE = 1
    message = rooms.lobby.messages.create(author=rooms.ann, text="spam")
    report = {"type": "message.reported", "message": message.pk}
    worker = ChannelClient()
    worker.send_and_consume("moderation", {**report, "reporter": rooms.ben.pk})
    assert channel_layer.sent[-1].group == "room.lobby"
