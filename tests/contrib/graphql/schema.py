"""The API of a chat, made with strawberry."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import strawberry
from channels.layers import get_channel_layer
from django.contrib.auth.models import User


class NotAMemberError(Exception):
    """The user is not in the room."""


@strawberry.type
class Message:
    text: str
    said_by: strawberry.Private[str | None]

    @strawberry.field
    def author(self) -> str | None:
        if self.said_by is None:
            raise NotAMemberError("the author has left")
        return self.said_by


def username(info: strawberry.Info) -> str:
    request = info.context["request"]
    # Over HTTP it is a request, which has its consumer.
    return str(getattr(request, "consumer", request).scope["user"])


@strawberry.type
class Query:
    @strawberry.field
    def me(self, info: strawberry.Info) -> str:
        return username(info)

    @strawberry.field
    async def users(self) -> list[str]:
        return [user.username async for user in User.objects.order_by("username")]

    @strawberry.field
    def broken(self) -> str | None:
        raise NotAMemberError("not a member")


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def say(self, info: strawberry.Info, room: str, text: str) -> bool:
        author = username(info)
        message = {"type": "chat.message", "room": room, "text": text, "by": author}
        await get_channel_layer().group_send(f"room-{room}", message)
        return True


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def messages(
        self, info: strawberry.Info, room: str
    ) -> AsyncGenerator[Message, None]:
        consumer: Any = info.context["request"]
        async with consumer.listen_to_channel(
            "chat.message", groups=[f"room-{room}"]
        ) as found:
            async for message in found:
                # A connection with several subscriptions hears several rooms.
                if message["room"] == room:
                    yield Message(text=message["text"], said_by=message["by"])

    @strawberry.subscription
    async def count(self, to: int) -> AsyncGenerator[int, None]:
        for number in range(1, to + 1):
            yield number

    @strawberry.subscription
    async def token(self, info: strawberry.Info) -> AsyncGenerator[str | None, None]:
        yield (info.context.get("connection_params") or {}).get("token")

    @strawberry.subscription
    async def members_only(self) -> AsyncGenerator[int | None, None]:
        yield 1
        raise NotAMemberError("not a member")


schema = strawberry.Schema(query=Query, mutation=Mutation, subscription=Subscription)
