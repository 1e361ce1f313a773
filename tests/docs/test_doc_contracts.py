"""What the pages on requests and on schemas of frames show."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
import pydantic
from channels.generic.websocket import AsyncJsonWebsocketConsumer

from channels_testkit import FrameError, SimpleWebsocketTestCase


# docs:start consumer
class ShopConsumer(AsyncJsonWebsocketConsumer):
    groups = ["shop"]

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        message = {"type": "shop.news", "text": f"somebody asks for {content['name']}"}
        await self.channel_layer.group_send("shop", message)
        price = {"tea": 3, "cake": "a lot"}[content["name"]]
        await self.send_json({"type": "price", "id": content["id"], "price": price})

    async def shop_news(self, event: dict[str, Any]) -> None:
        await self.send_json({"type": "news", "text": event["text"]})


# docs:end consumer


# docs:start pydantic
class Price(pydantic.BaseModel):
    type: Literal["price"]
    id: int
    price: float


class News(pydantic.BaseModel):
    type: Literal["news"]
    text: str


Frame = Annotated[Price | News, pydantic.Field(discriminator="type")]
# docs:end pydantic


# docs:start msgspec
class Ask(msgspec.Struct):
    id: int
    name: Literal["tea", "cake"]


# docs:end msgspec


# docs:start json-schema
PRICE = {
    "title": "Price",
    "type": "object",
    "required": ["type", "id", "price"],
    "properties": {"type": {"const": "price"}, "price": {"type": "number"}},
}
NEWS = {
    "title": "News",
    "type": "object",
    "required": ["type", "text"],
    "properties": {"type": {"const": "news"}, "text": {"type": "string"}},
}
FRAME_OF_THE_SHOP = {"anyOf": [PRICE, NEWS]}
# docs:end json-schema


# docs:start function
def has_a_type(payload: Any) -> None:
    if "type" not in payload:
        raise ValueError("each frame has a type")


# docs:end function


class RequestTests(SimpleWebsocketTestCase):
    application = ShopConsumer.as_asgi()
    ws_path = "/ws/shop/"

    # docs:start request
    def test_price(self):
        ann = self.connect()
        reply = ann.request({"id": 7, "name": "tea"}, reply={"id": 7})
        self.assertEqual(reply["price"], 3)
        # The news came as well, and can be received.
        self.assertReceivesJson(ann, {"type": "news", "text": str})

    async def test_prices_at_the_same_time(self):
        ann, ben = await self.aconnect_many(2)
        for client in (ann, ben):
            reply = await client.request({"id": 1, "name": "tea"}, reply={"id": 1})
            self.assertEqual(reply, {"type": "price", "id": 1, "price": 3})

    # docs:end request


# docs:start class
class ShopTests(SimpleWebsocketTestCase):
    application = ShopConsumer.as_asgi()
    ws_path = "/ws/shop/"
    frame_schema = Frame
    sent_frame_schema = Ask

    def test_tea_has_a_price(self):
        ann = self.connect()
        self.assertEqual(
            ann.request({"id": 7, "name": "tea"}, reply={"id": 7})["id"], 7
        )

    # docs:end class

    def test_of_each_kind(self):
        for schema in (FRAME_OF_THE_SHOP, has_a_type):
            ann = self.connect(frame_schema=schema)
            ann.request({"id": 7, "name": "tea"}, reply={"id": 7})

    # docs:start breach
    def test_a_price_is_a_number(self):
        ann = self.connect()
        with self.assertApplicationRaises(FrameError) as caught:
            ann.send_json({"id": 7, "name": "cake"})
        self.assertEqual(caught.exception.path, "$.price")

    # docs:end breach

    # docs:start bad-input
    def test_unknown_goods(self):
        ann = self.connect(sent_frame_schema=None)
        with self.assertApplicationRaises(KeyError):
            ann.send_json({"id": 7, "name": "coffee"})

    # docs:end bad-input

    def test_a_wrong_name_is_a_mistake_of_the_test(self):
        with self.assertRaises(FrameError):
            self.connect().send_json({"id": 7, "name": "coffee"})
