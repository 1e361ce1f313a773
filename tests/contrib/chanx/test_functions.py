"""Chanx's communicator in plain functions of pytest."""

from __future__ import annotations

from tests.pytest_plugin.inner import PytestCase, needs

FUNCTIONS = """
    import pytest
    import pytest_asyncio
    from chanx.messages.incoming import PingMessage
    from django.contrib.auth.models import User

    from channels_testkit.contrib.chanx import WebsocketCommunicator
    from tests.contrib.chanx.asgi import application
    from tests.contrib.chanx.authentication import COOKIE, ticket_of

    pytestmark = [pytest.mark.asyncio, pytest.mark.django_db]

    @pytest.fixture
    def headers():
        user = User.objects.create_user("ann")
        cookie = f"{COOKIE}={ticket_of(user)}".encode()
        return [(b"cookie", cookie), (b"origin", b"http://testserver")]

    @pytest_asyncio.fixture
    async def communicator(headers):
        communicator = WebsocketCommunicator(application, "/ws/lobby/", headers)
        await communicator.connect()
        await communicator.assert_authenticated_status_ok()
        yield communicator
        await communicator.disconnect()

    async def test_ping(communicator):
        await communicator.send_message(PingMessage())
        (answer,) = await communicator.receive_all_json()
        assert answer["action"] == "pong"

    async def test_a_second_one(communicator):
        assert await communicator.receive_nothing()
"""


@needs("pytest_django", "pytest_asyncio")
class FunctionTests(PytestCase):
    def test_every_example(self) -> None:
        ended = self.pytest(FUNCTIONS, settings="tests.contrib.chanx.settings")
        self.assert_outcomes(ended, passed=2)
