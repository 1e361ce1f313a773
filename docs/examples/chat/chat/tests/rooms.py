from channels_testkit import WebsocketTestCase
from django.contrib.auth import get_user_model

from chat.models import Room


class RoomTestCase(WebsocketTestCase):
    """Ann and Ben are in the lobby, Cal is in the garden, Sue is staff."""

    ws_path = "/ws/chat/lobby/"

    @classmethod
    def setUpTestData(cls):
        create_user = get_user_model().objects.create_user
        cls.ann, cls.ben, cls.cal = map(create_user, ["ann", "ben", "cal"])
        cls.sue = create_user("sue", is_staff=True)
        cls.lobby = Room.objects.create(slug="lobby", name="Lobby")
        cls.lobby.members.add(cls.ann, cls.ben)
        cls.garden = Room.objects.create(slug="garden", name="Garden")
        cls.garden.members.add(cls.cal)

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
