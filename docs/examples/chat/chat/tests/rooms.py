from channels_testkit import WebsocketTestCase
from django.contrib.auth import get_user_model

from chat.models import Room


def make_rooms(owner):
    """Give users and rooms to a test case, or to its class."""
    create_user = get_user_model().objects.create_user
    owner.ann, owner.ben, owner.cal = map(create_user, ["ann", "ben", "cal"])
    owner.sue = create_user("sue", is_staff=True)
    owner.lobby = Room.objects.create(slug="lobby", name="Lobby")
    owner.lobby.members.add(owner.ann, owner.ben)
    owner.garden = Room.objects.create(slug="garden", name="Garden")
    owner.garden.members.add(owner.cal)


class RoomTestCase(WebsocketTestCase):
    """Ann and Ben are in the lobby, Cal is in the garden, Sue is staff."""

    ws_path = "/ws/chat/lobby/"
    check_revoked = "fail"

    @classmethod
    def setUpTestData(cls):
        make_rooms(cls)

    # docs:start connect-many
    def enter(self, *users, path=None):
        """Connect each user, and read what greets them."""
        connections = self.connect_many(users=users, path=path)
        for connection in connections:
            connection.receive_all_json()
        return connections

    async def aenter(self, *users, path=None):
        connections = await self.aconnect_many(users=users, path=path)
        for connection in connections:
            await connection.receive_all_json()
        return connections

    # docs:end connect-many
