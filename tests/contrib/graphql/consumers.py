"""The consumer of the chat, and one of our own for the older protocol."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import graphql
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from strawberry.channels import GraphQLWSConsumer
from strawberry.exceptions import ConnectionRejectionError


class ChatConsumer(GraphQLWSConsumer):
    """Lets everybody in but those who show a wrong token."""

    async def on_ws_connect(self, context: dict[str, Any]) -> Any:
        params = context.get("connection_params") or {}
        if params.get("token") == "wrong":
            raise ConnectionRejectionError({"reason": "wrong token"})
        return await super().on_ws_connect(context)


async def ticks(_root: Any, info: graphql.GraphQLResolveInfo) -> Any:
    consumer: OldConsumer = info.context
    while True:
        yield {"tick": await consumer.ticks.get()}


SCHEMA = graphql.build_schema(
    """
    type Query { me: String!, broken: String }
    type Subscription { tick: Int! }
    """
)
SCHEMA.query_type.fields["me"].resolve = lambda _root, info: info.context.name
SCHEMA.query_type.fields["broken"].resolve = lambda *_: 1 / 0
SCHEMA.subscription_type.fields["tick"].subscribe = ticks


class OldConsumer(AsyncJsonWebsocketConsumer):
    """
    Speaks ``graphql-ws`` as Apollo's server did, and nothing else.

    Each message of the group ``"ticks"`` is a result.
    """

    groups = ["ticks"]  # noqa: RUF012 - as Channels has it
    #: Whether it goes on after a stop, as no server should.
    is_deaf = False

    async def connect(self) -> None:
        self.ticks: asyncio.Queue[int] = asyncio.Queue()
        self.running: dict[str, asyncio.Task[None]] = {}
        self.name = str(self.scope["user"])
        await self.accept("graphql-ws")

    async def receive_json(self, content: dict[str, Any], **_: Any) -> None:
        await getattr(self, f"on_{content['type']}")(content)

    async def on_connection_init(self, content: dict[str, Any]) -> None:
        if content.get("payload") == {"token": "wrong"}:
            answer = {"type": "connection_error", "payload": {"message": "wrong token"}}
            await self.send_json(answer)
            await self.close(4403)
            return
        await self.send_json({"type": "connection_ack"})
        await self.send_json({"type": "ka"})

    async def on_start(self, content: dict[str, Any]) -> None:
        task = asyncio.create_task(self.run(content["id"], content["payload"]))
        self.running[content["id"]] = task

    async def on_stop(self, content: dict[str, Any]) -> None:
        if not self.is_deaf:
            self.running.pop(content["id"]).cancel()
        await self.send_json({"id": content["id"], "type": "complete"})

    async def tick(self, event: dict[str, Any]) -> None:
        self.ticks.put_nowait(event["number"])

    async def run(self, number: str, payload: dict[str, Any]) -> None:
        document = graphql.parse(payload["query"])
        if faults := graphql.validate(SCHEMA, document):
            answer = {"id": number, "type": "error", "payload": faults[0].formatted}
            await self.send_json(answer)
            return
        operation = graphql.get_operation_ast(document)
        work = {"context_value": self, "variable_values": payload.get("variables")}
        if operation.operation is graphql.OperationType.SUBSCRIPTION:
            found: Any = graphql.subscribe(SCHEMA, document, **work)
            async for result in await found if inspect.isawaitable(found) else found:
                await self.send_result(number, result)
        else:
            await self.send_result(number, graphql.execute(SCHEMA, document, **work))
        await self.send_json({"id": number, "type": "complete"})

    async def send_result(self, number: str, result: Any) -> None:
        answer = {"id": number, "type": "data", "payload": result.formatted}
        await self.send_json(answer)

    async def disconnect(self, code: int) -> None:
        for task in self.running.values():
            task.cancel()


class DeafConsumer(OldConsumer):
    """Takes no notice of a stop."""

    is_deaf = True


class PingingConsumer(AsyncJsonWebsocketConsumer):
    """Sends a ping after each operation, and its result for the pong."""

    async def connect(self) -> None:
        await self.accept("graphql-transport-ws")

    async def receive_json(self, content: dict[str, Any], **_: Any) -> None:
        if content["type"] == "connection_init":
            await self.send_json({"type": "connection_ack", "payload": {"v": 1}})
        elif content["type"] == "subscribe":
            ping = {"type": "ping", "payload": {"id": content["id"]}}
            await self.send_json(ping)
        elif content["type"] == "pong":
            payload = {"data": {"pong": True}}
            answer = {**content["payload"], "type": "next", "payload": payload}
            await self.send_json(answer)


class OddConsumer(AsyncJsonWebsocketConsumer):
    """Answers an operation by the messages in its variables, or a close."""

    async def connect(self) -> None:
        await self.accept(self.scope["subprotocols"][0])

    async def receive_json(self, content: dict[str, Any], **_: Any) -> None:
        if content["type"] == "connection_init":
            await self.send_json({"type": "connection_ack"})
        elif content["type"] == "subscribe":
            for answer in content["payload"]["variables"]["answers"]:
                await self.answer({"id": content["id"], **answer})
        else:
            await self.close(4400, "no such type")

    async def answer(self, message: dict[str, Any]) -> None:
        if message.get("type") == "close":
            await self.close(4400, "no such room")
        else:
            await self.send_json(message)


class SilentConsumer(AsyncJsonWebsocketConsumer):
    """Accepts, and acknowledges nothing."""

    async def connect(self) -> None:
        await self.accept("graphql-transport-ws")

    async def receive_json(self, content: dict[str, Any], **_: Any) -> None:
        pass


class PlainConsumer(AsyncJsonWebsocketConsumer):
    """Accepts without a subprotocol."""
