"""
The options of a connection, and what assertions take: accepted and refused.

An ignore marks what mypy and pyright must both refuse; one that is not needed
is an error to both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from channels.consumer import AsyncConsumer
from channels.exceptions import ChannelFull
from django.contrib.auth.models import AnonymousUser, User
from django.test import Client
from hypothesis import settings
from hypothesis.stateful import Bundle, rule
from hypothesis.strategies import integers
from typing_extensions import assert_type

from channels_testkit import (
    Channel,
    ChannelClient,
    ConnectOptions,
    Group,
    Handshake,
    LayerFault,
    LayerFaults,
    Message,
    Sent,
    WebsocketCommunicator,
    WebsocketTestCase,
    WSClient,
)
from channels_testkit.hypothesis import WebsocketStateMachine

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from channels_testkit.pytest import AsyncConnect, ChannelsTest, Connect


class ChatFrame(TypedDict):
    user: str
    text: str


class OptionTests(WebsocketTestCase):
    check_leaks = "fail"
    check_revoked = "warn"
    check_protocol = ("close-code",)
    on_commit_callbacks = "django"
    run_lifespan = True
    frame_schema = User
    sent_frame_schema: Any = None

    # docs:start connect-options
    def join(self, room: str, **options: Unpack[ConnectOptions]) -> WSClient:
        return self.connect(f"/ws/room/{room}/", **options)
        # docs:end connect-options

    def test_faults(self) -> None:
        client = self.connect()
        with self.layer_faults(lose=1, group=Group("lobby"), channel=client) as faults:
            assert_type(faults.lost, list[LayerFault])
            assert_type(faults.failed[0].message["type"], Any)
        with self.layer_faults(delay=lambda message: message["id"] == 1, by=2.5):
            pass
        with self.layer_faults(error=ChannelFull, channel="jobs", alias="other"):
            pass
        with self.layer_faults(error=0.5, raises=OSError("gone"), seed=1):
            pass
        self.layer_faults(lose="1")  # type: ignore[arg-type]
        self.layer_faults(1)  # type: ignore[call-arg]
        self.layer_faults(channel=5)  # type: ignore[arg-type]
        self.layer_faults(losing=1)  # type: ignore[call-arg]

    def test_frames(self) -> None:
        ann = self.connect()
        # docs:start frame-type
        frame: ChatFrame = ann.receive_json()
        self.assertEqual(frame["txt"], "hello")  # type: ignore[typeddict-item]
        # docs:end frame-type

    async def test_requests(self) -> None:
        client, communicator = self.create_client(), self.create_communicator()
        assert_type(client.request({"id": 1}, reply={"id": 1}), Any)
        assert_type(await client.arequest(b"ping", reply=bytes), Any)
        assert_type(await communicator.request("ping", reply="pong", timeout=2.5), Any)
        client.request({"id": 1})  # type: ignore[call-arg]
        client.request({"id": 1}, {"id": 1})  # type: ignore[call-arg]
        client.request({"id": 1}, reply={"id": 1}, timeout="1")  # type: ignore[arg-type]

    def test_budgets(self) -> None:
        with self.assertMaxQueries(3):
            pass
        with self.assertMaxQueries(3, per="event", using="default", msg="x"):
            pass
        with self.assertMaxQueries(0, per="receiver"):
            pass
        self.assertMaxQueries(3, per="events")  # type: ignore[arg-type]
        self.assertMaxQueries("3")  # type: ignore[arg-type]
        self.assertMaxQueries(3, "event")  # type: ignore[call-arg]

    def test_all_closed(self) -> None:
        client, communicator = self.connect(), self.create_communicator()
        self.assertAllClosed(client, communicator, user=User(), code=4401, msg="x")
        self.assertAllClosed([client])  # type: ignore[arg-type]
        self.assertAllClosed(client, code="4401")  # type: ignore[arg-type]

    async def test_faults_async(self) -> None:
        async with self.layer_faults(duplicate=1.0, delay=1) as faults:
            assert_type(faults, LayerFaults)

    def test_accepted(self) -> None:
        self.connect("/ws/", user=User())
        self.connect(user=AnonymousUser(), name="ann")
        self.connect(client=self.client)
        self.connect(client=self.async_client, cookies=self.client.cookies)
        self.connect(cookies={"language": "de"}, origin=None)
        self.connect(headers={"accept-language": "de"})
        self.connect(headers={b"accept-language": b"de"})
        self.connect(headers=[("accept-language", "de"), (b"x", b"y")])
        self.connect(query={"page": [1, 2]})
        self.connect(query="page=1")
        self.connect(remote_address=("10.0.0.1", 80), subprotocols=["v1"])
        self.connect(path_kwargs={"room": 1}, scope={"tenant": object()})
        self.connect(application=AsyncConsumer.as_asgi())
        self.connect(check_protocol="off", application_errors="warn")
        self.connect(check_protocol=["close-code", "reason-too-long"])
        self.connect(frame_schema={"type": "object"}, sent_frame_schema=None)
        self.connect_many(2, frame_schema=lambda payload: "id" in payload)
        WebsocketCommunicator(None, "/", frame_schema=dict, sent_frame_schema=None)
        self.create_client(user=None, receive_timeout=0.5)
        self.connect_many(2, name="one")
        self.connect_many(users=[User(), AnonymousUser()])
        self.create_communicator("/ws/", user=User())
        WSClient("/ws/", user=User(), ordered=True)
        assert_type(self.join("1", user=User()), WSClient)

    async def test_accepted_async(self) -> None:
        assert_type(await self.aconnect(user=User()), WebsocketCommunicator)
        await self.aconnect_many(users=[User()], query={"a": 1})

    def test_misspelt(self) -> None:
        self.connect(frame_shema={})  # type: ignore[call-arg]
        # docs:start misspelt
        self.connect(usr=User())  # type: ignore[call-arg]
        self.connect("/ws/", header={})  # type: ignore[call-arg]
        self.create_client(users=[])  # type: ignore[call-arg]
        self.create_communicator(cookie={})  # type: ignore[call-arg]
        self.connect_many(2, usr=User())  # type: ignore[call-arg]
        # docs:end misspelt
        WSClient("/ws/", nmae="ann")  # type: ignore[call-arg]
        WebsocketCommunicator(None, "/", receive_timout=1)  # type: ignore[call-arg]

    async def test_misspelt_async(self) -> None:
        await self.aconnect(usr=User())  # type: ignore[call-arg]
        await self.aconnect_many(2, usr=User())  # type: ignore[call-arg]

    def test_of_the_wrong_type(self) -> None:
        self.connect(user="ann")  # type: ignore[arg-type]
        self.connect(User())  # type: ignore[arg-type]
        self.connect(client=User())  # type: ignore[arg-type]
        self.connect(user=self.client)  # type: ignore[arg-type]
        self.connect(client=("10.0.0.1", 80))  # type: ignore[arg-type]
        self.connect(remote_address=Client())  # type: ignore[arg-type]
        self.connect(headers="accept: all")  # type: ignore[arg-type]
        self.connect(cookies="a=b")  # type: ignore[arg-type]
        self.connect(subprotocols=1)  # type: ignore[arg-type]
        self.connect(origin=7)  # type: ignore[arg-type]
        self.connect(receive_timeout="1")  # type: ignore[arg-type]
        self.connect(application=AsyncConsumer)  # type: ignore[arg-type]
        self.connect(check_protocol="of")  # type: ignore[arg-type]
        self.connect(check_protocol=["close_code"])  # type: ignore[list-item]
        self.connect(application_errors="none")  # type: ignore[arg-type]
        self.connect_many("/ws/")  # type: ignore[arg-type]
        self.connect_many(users=["ann"])  # type: ignore[list-item]
        self.join("1", user="ann")  # type: ignore[arg-type]


# docs:start levels
class LevelTests(WebsocketTestCase):
    check_leaks = "none"  # type: ignore[assignment]
    check_dropped = True  # type: ignore[assignment]
    layer_source = "real"  # type: ignore[assignment]
    on_commit_callbacks = "never"  # type: ignore[assignment]
    run_lifespan = "module"  # type: ignore[assignment]
    # docs:end levels


class AssertionTests(WebsocketTestCase):
    def test_what_comes_back(self) -> None:
        ann = self.connect()
        assert_type(self.assertReceivesText(ann, "hello"), str)
        assert_type(self.assertReceivesBytes(ann, b"hello"), bytes)
        assert_type(self.assertAllReceive([ann], {"id": 1}), list[Any])
        sent = self.assertSent("jobs", {"type": "make"})
        assert_type(sent.message, dict[str, Any])
        assert_type(sent.in_atomic_block, bool)
        assert_type(self.assertGroupSent("lobby").group, str | None)
        assert_type(self.assertSentAfterCommit("jobs").receivers, tuple[str, ...])
        assert_type(self.assertGroupSentAfterCommit("lobby").sequence, int)
        assert_type(self.assertSent("jobs", count=2)[0], Sent)
        assert_type(self.assertGroupSent("lobby", count=2)[0], Sent)
        assert_type(self.assertSentInOrder({"type": "a"}, {"type": "b"})[1], Sent)
        with self.assertSent("jobs") as entries:
            Channel("jobs").send({"type": "make"})
        assert_type(entries, list[Sent])
        with self.assertGroupSent(Group("lobby"), count=1) as entries:
            Group("lobby").send({"type": "made"})
        with self.assertNothingSent():
            pass
        with self.assertNothingGroupSent("lobby"):
            pass

    def test_what_they_take(self) -> None:
        ann, ben = self.connect_many(2)
        for channel in ("jobs", Channel("jobs"), ann, self.auth_communicator):
            self.assertSent(channel, {"type": "make"})
        self.assertNothingSent(ann.consumer)
        self.assertInGroup(ann, "lobby")
        self.assertNotInGroup("a-channel", Group("lobby"))
        self.assertGroupMembers("lobby", [ann, "a-channel", Channel("jobs")])
        self.assertOnlyReceive([ann, ben], {"id": 1})

    def test_swapped(self) -> None:
        ann, ben = self.connect_many(2)
        # docs:start swapped
        self.assertReceivesJson({"id": 1}, ann)  # type: ignore[arg-type]
        self.assertReceivesText("hello", ann)  # type: ignore[arg-type]
        self.assertReceivesBytes(b"hello", ann)  # type: ignore[arg-type]
        self.assertReceivesNothing([ann])  # type: ignore[arg-type]
        self.assertAllReceive(ann, {"id": 1})  # type: ignore[arg-type]
        self.assertOnlyReceive(ann, {"id": 1})  # type: ignore[arg-type]
        self.assertClosed(4401)  # type: ignore[arg-type]
        self.assertInGroup("lobby", ann)  # type: ignore[arg-type]
        self.assertNotInGroup("lobby", ann)  # type: ignore[arg-type]
        self.assertGroupMembers([ann, ben], "lobby")  # type: ignore[arg-type]
        self.assertGroupMembers("lobby", ann)  # type: ignore[arg-type]
        # docs:end swapped
        self.assertSent({"type": "make"}, "jobs")  # type: ignore[call-overload]
        self.assertGroupSent({"type": "make"}, "a")  # type: ignore[call-overload]
        self.assertSent("jobs", count="2")  # type: ignore[call-overload]
        self.get_next_message({"type": "make"})  # type: ignore[arg-type]

    async def test_handshakes(self) -> None:
        communicator = self.create_communicator()
        connected, subprotocol = await communicator.connect()
        assert_type(connected, bool)
        assert_type(subprotocol, str | int | None)
        handshake = self.create_client().connect()
        assert_type(handshake, Handshake)
        assert_type(handshake[0], bool)
        accepted, _code = handshake
        assert_type(accepted, bool)
        _, _, _ = handshake  # type: ignore[misc]

    def test_workers(self) -> None:
        client = ChannelClient()
        assert_type(client.consume("jobs"), AsyncConsumer | None)
        made = client.send_and_consume("jobs", {"type": "make"})
        assert_type(made, AsyncConsumer | None)
        assert_type(client.receive(), Message | None)
        client.join_group("makers")
        client.send("jobs", "make")  # type: ignore[arg-type]
        client.consume(7)  # type: ignore[arg-type]
        ann = WSClient()
        assert_type(ann.consume("jobs"), AsyncConsumer | None)
        ann.send("websocket.receive", text={"say": "hello"})
        ann.send_and_consume("websocket.connect", check_accept=False)
        ann.send_and_consume("websocket.connect", chek_accept=0)  # type: ignore[call-arg]


def test_functions(channels_test: ChannelsTest, ws_connect: Connect) -> None:
    ann = ws_connect("/ws/", user=User())
    assert_type(ann, WSClient)
    ws_connect("/ws/", usr=User())  # type: ignore[call-arg]
    ws_connect("/ws/", user="ann")  # type: ignore[arg-type]
    channels_test.connect(usr=User())  # type: ignore[call-arg]
    channels_test.assertReceivesJson({"id": 1}, ann)  # type: ignore[arg-type]


async def test_async_functions(aws_connect: AsyncConnect) -> None:
    assert_type(await aws_connect("/ws/"), WebsocketCommunicator)
    await aws_connect("/ws/", usr=User())  # type: ignore[call-arg]


class Rooms(WebsocketStateMachine):
    clients: Bundle[WSClient] = Bundle("clients")

    @rule(target=clients, number=integers())
    def comes(self, number: int) -> WSClient:
        return self.connect(f"/ws/room/{number}/")

    @rule(client=clients)
    def says(self, client: WSClient) -> None:
        client.send_json("hello")
        assert_type(client.receive_json(), Any)
        self.joins()  # type: ignore[attr-defined]


TestRooms = Rooms.TestCase
TestRooms.settings = settings(max_examples=10)
