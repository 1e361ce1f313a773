"""A suite of djust's own client, with one import changed."""

from __future__ import annotations

import inspect
import re
from types import SimpleNamespace
from typing import Any

from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.core.exceptions import ImproperlyConfigured
from django.test import Client, RequestFactory, override_settings
from django.urls import path
from djust import LiveView, testing
from djust.decorators import event_handler
from djust.websocket import LiveViewConsumer

from channels_testkit import ChannelTestCase
from channels_testkit.contrib import djust
from channels_testkit.contrib.djust import (
    AsyncLiveViewTestClient,
    LiveComponentTestClient,
    LiveViewTestClient,
    MountRefused,
    NoHandlerFoundError,
)
from tests.app.models import Note

from . import views
from .test_client import Chat, Filter, Orders, Save
from .views import Counter, Members, NoteDetail, SignIn


class Board(LiveView):
    template = (
        "<div dj-root><p>{{ title }}</p>{% if open %}<b>open</b>{% endif %}</div>"
    )

    def mount(self, request: Any, title: str = "board", **kwargs: Any) -> None:
        self.title = title
        self.open = False

    @event_handler
    def toggle(self, **kwargs: Any) -> None:
        self.open = not self.open

    @event_handler
    def nothing(self, **kwargs: Any) -> None:
        pass


class Broken(LiveView):
    """Cannot be rendered anew."""

    template = "<div dj-root><p>{{ word }}</p></div>"

    def mount(self, request: Any, **kwargs: Any) -> None:
        self.word = "whole"

    @event_handler
    def spoil(self, **kwargs: Any) -> None:
        self.word = "half"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        if self.word == "half":
            raise LookupError("half a word")
        return {"word": self.word}


class Divided(LiveView):
    """Is another page over a socket than over HTTP."""

    template = (
        "<div dj-root>{% if is_live %}<b>live</b>{% endif %}<p>{{ where }}</p></div>"
    )

    def mount(self, request: Any, where: str = "here", **kwargs: Any) -> None:
        self.where = where
        self.is_live = hasattr(self, "_websocket_session_id")
        self.user = str(request.user)


class Asked(LiveView):
    def mount(self, request: Any, **kwargs: Any) -> None:
        self.path, self.query = request.path, request.GET.dict()


class Plain(LiveView):
    """Has handlers, and no template yet."""

    def mount(self, request: Any, **kwargs: Any) -> None:
        self.cookies = request.COOKIES
        self.names: list[str] = []

    @event_handler
    def add(self, name: str = "", **kwargs: Any) -> None:
        self.names.append(name)

    @event_handler
    def twice(self, **kwargs: Any) -> None:
        self.live_redirect("/first/")
        self.live_redirect("/second/")


class Vault(LiveView):
    template = "<div dj-root><p>{{ opened }}</p></div>"

    def mount(self, request: Any, **kwargs: Any) -> None:
        self.opened, self.is_mine = 0, True
        self.owner = str(request.user)

    def get_object(self) -> dict[str, int]:
        return {"id": 1}

    def has_object_permission(self, request: Any, obj: Any) -> bool:
        return self.is_mine

    @event_handler
    def open(self, **kwargs: Any) -> None:
        self.opened += 1


class Base(LiveView):
    page = 1
    size = 10

    def mount(self, request: Any, **kwargs: Any) -> None:
        pass

    @property
    def rows(self) -> int:
        return self.page * self.size


class Paged(Base):
    """Has state that its classes begin with."""

    template_name = None
    size = 20

    @event_handler
    def turn(self, **kwargs: Any) -> None:
        self.page += 1


class Named(LiveView):
    def mount(self, request: Any, **kwargs: Any) -> None:
        self.name = request.user.username


class Clerk:
    """Stands for a user."""

    is_authenticated = is_active = True
    __slots__ = ("perms",)

    def __init__(self, *perms: str) -> None:
        self.perms = set(perms)

    def has_perms(self, perms: Any) -> bool:
        return set(perms) <= self.perms

    def __repr__(self) -> str:
        return "a clerk"


def as_ann() -> Any:
    """Return an application that takes everybody for ann."""
    inner = URLRouter([path("ws/live/", LiveViewConsumer.as_asgi())])

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await inner({**scope, "user": User(username="ann")}, receive, send)

    return AuthMiddlewareStack(application)


class RenderTests(ChannelTestCase):
    # docs:start djust-patches
    def test_an_event_patches_the_page(self):
        client = LiveViewTestClient(Counter).mount()
        client.send_event("increment")
        html, patches, _ = client.render_with_patches()
        self.assertEqual(html, '<p dj-id="1">1</p>')
        self.assertEqual([patch["type"] for patch in patches], ["SetText"])

    # docs:end djust-patches

    def test_second_call_has_the_patches_since_the_first(self):
        client = LiveViewTestClient(Board).mount()
        _, patches, first = client.render_with_patches()
        self.assertEqual(patches, [])
        client.send_event("toggle")
        _, patches, second = client.render_with_patches()
        self.assertNotEqual(patches, [])
        client.send_event("nothing")
        html, patches, third = client.render_with_patches()
        self.assertEqual(patches, [])
        self.assertIn(">open</b>", html)
        self.assertLess(first, second)
        self.assertLess(second, third)

    def test_change_of_the_view_by_the_test_is_rendered(self):
        client = LiveViewTestClient(Board).mount()
        client.view_instance.title = "notes"
        _, (patch,), _ = client.render_with_patches()
        self.assertEqual((patch["type"], patch["text"]), ("SetText", "notes"))
        self.assertIn("<p>notes</p>", client.render())

    def test_frames_belong_to_the_turn(self):
        client = LiveViewTestClient(Save).mount()
        client.send_event("save")
        client.render_with_patches()
        client.assert_push_event("flash")
        client.assert_frame({"type": "patch", "source": "broadcast"})

    def test_exception_of_the_rendering_is_raised(self):
        client = LiveViewTestClient(Broken).mount()
        client.view_instance.word = "half"
        with self.assertRaisesMessage(LookupError, "half a word"):
            client.render_with_patches()


class WithoutSocketTests(ChannelTestCase):
    # docs:start djust-first-page
    def test_the_first_page_is_not_live(self):
        client = LiveViewTestClient(Divided).mount(via_websocket=False)
        client.assert_state(is_live=False)
        self.assertIn("<p>here</p>", client.render())

    # docs:end djust-first-page

    def test_branch_is_told(self):
        client = LiveViewTestClient(Divided)
        self.assertIsNone(client.via_websocket)
        client.mount(via_websocket=False, where="there")
        self.assertFalse(client.via_websocket)
        client.assert_state(where="there", user="AnonymousUser")
        client.mount()
        self.assertTrue(client.via_websocket)
        client.assert_state(is_live=True, where="here")

    def test_arguments_of_the_path_reach_it(self):
        Note.objects.create(pk=7, text="milk")
        client = LiveViewTestClient("/notes/7/")
        client.mount(via_websocket=False).assert_state(text="milk")
        self.assertTrue(client.assert_http_ws_djid_parity())

    def test_request_is_that_of_the_path(self):
        client = LiveViewTestClient(Asked, url="/asked/?tab=2")
        for via_websocket in (False, True):
            client.mount(via_websocket)
            client.assert_state(path="/asked/", query={"tab": "2"})

    def test_user_goes_along(self):
        client = LiveViewTestClient(Divided, user=Clerk())
        client.mount(via_websocket=False).assert_state(user="a clerk")

    def test_page_without_a_socket_renders_with_patches(self):
        client = LiveViewTestClient(Board).mount(via_websocket=False)
        client.render_with_patches()
        client.view_instance.title = "notes"
        html, (patch,), _ = client.render_with_patches()
        self.assertEqual(patch["text"], "notes")
        self.assertIn(">notes</p>", html)

    def test_events_need_a_socket(self):
        client = LiveViewTestClient(Board).mount(via_websocket=False)
        for act in (
            lambda: client.send_event("toggle"),
            client.render_async,
            lambda: client.trigger_info({"type": "db_notify", "channel": "orders"}),
        ):
            with self.assertRaisesMessage(RuntimeError, "mounted without a socket"):
                act()

    def test_page_with_a_socket_is_not_mounted_without(self):
        client = LiveViewTestClient(Board).mount()
        with self.assertRaisesMessage(RuntimeError, "Board is mounted"):
            client.mount(via_websocket=False)

    def test_exception_of_mount_is_raised(self):
        with self.assertRaises(Note.DoesNotExist):
            LiveViewTestClient(NoteDetail).mount(via_websocket=False, pk=404)


class ParityTests(ChannelTestCase):
    def test_identifiers_are_the_same_over_http_and_websocket(self):
        ids = LiveViewTestClient(Board).assert_http_ws_djid_parity(title="notes")
        self.assertEqual(len(ids), len(set(ids)))
        self.assertTrue(ids)

    def test_page_that_differs_fails(self):
        with self.assertRaises(AssertionError) as caught:
            LiveViewTestClient(Divided).assert_http_ws_djid_parity()
        self.assertRegex(
            str(caught.exception),
            r"\AHTTP-GET vs WebSocket-mount dj-id divergence for Divided: .+\n\n"
            r"  HTTP baseline: \[.+\]\n  WS   baseline: \[.+\]\Z",
        )

    def test_mounted_page_is_left_alone(self):
        client = LiveViewTestClient("/counter/?count=3", user=Clerk()).mount()
        client.send_event("increment")
        client.assert_http_ws_djid_parity(count=7)
        client.assert_state(count=4)
        client.assert_frame({"event_name": "increment"})

    def test_page_for_others_is_refused(self):
        with self.assertRaises(MountRefused):
            LiveViewTestClient(Members).assert_http_ws_djid_parity()


class AllowedTests(ChannelTestCase):
    @override_settings(LIVEVIEW_ALLOWED_MODULES=["tests.contrib"])
    def test_view_of_an_allowed_module(self):
        LiveViewTestClient(Counter).assert_allowlisted()
        LiveViewTestClient(Board).assert_allowlisted()

    @override_settings(LIVEVIEW_ALLOWED_MODULES=["tests.cont", "elsewhere"])
    def test_any_other_fails_though_a_test_may_mount_it(self):
        for view in (Counter, Board):
            client = LiveViewTestClient(view)
            with self.assertRaises(AssertionError) as caught:
                client.assert_allowlisted()
            module = view.__module__
            self.assertEqual(
                str(caught.exception),
                f"{view.__name__}'s module {module!r} is not permitted by"
                " LIVEVIEW_ALLOWED_MODULES: djust mounts views of ['tests.cont',"
                f" 'elsewhere']. Add {module!r} to the setting.",
            )

    @override_settings(LIVEVIEW_ALLOWED_MODULES=["elsewhere"])
    def test_view_that_no_url_leads_to_is_mounted(self):
        LiveViewTestClient(Filter).mount().assert_state(page=1)

    def test_view_without_a_template_is_mounted(self):
        client = LiveViewTestClient(Plain).mount()
        client.send_event("add", name="ann")
        client.assert_state(names=["ann"])
        self.assertEqual(client.render(), "")

    def test_view_of_no_module_is_mounted(self):
        code = "class Found(LiveView):\n def mount(self, request): self.is_found = 1"
        names: dict[str, Any] = {"LiveView": LiveView, "__name__": "elsewhere"}
        exec(code, names)
        LiveViewTestClient(names["Found"]).mount().assert_state(is_found=1)

    @override_settings(CHANNEL_LAYERS={})
    def test_page_needs_a_layer_and_a_first_page_none(self):
        client = LiveViewTestClient(Board)
        client.mount(via_websocket=False).assert_state(title="board")
        with self.assertRaisesMessage(
            ImproperlyConfigured, "CHANNEL_LAYERS has no 'default'. Add one"
        ):
            client.mount()

    def test_view_that_a_url_leads_to_needs_its_template(self):
        class Bare(LiveView):
            __module__ = "tests.contrib.djust.views"

        class URLs:
            urlpatterns = (path("bare/", Bare.as_view()),)

        Bare.__qualname__ = "Bare"
        vars(views)["Bare"] = Bare
        self.addCleanup(delattr, views, "Bare")
        with (
            override_settings(ROOT_URLCONF=URLs),
            self.assertRaisesMessage(ValueError, "Either template_name or template"),
        ):
            LiveViewTestClient("/bare/").mount()


class UserTests(ChannelTestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        cls.ann = User.objects.create_user("ann")

    def test_user_can_be_set_until_mount(self):
        client = LiveViewTestClient(Members)
        client.user = self.ann
        self.assertEqual(client.user, self.ann)
        client.mount().assert_state(name="ann")
        with self.assertRaisesMessage(
            RuntimeError, "Members is mounted, as <User: ann>"
        ):
            client.user = None

    def test_user_may_be_taken_back(self):
        client = LiveViewTestClient(Members, user=Clerk())
        client.user = None
        with self.assertRaises(MountRefused):
            client.mount()

    def test_positions_are_those_of_djust(self):
        LiveViewTestClient(Members, None, self.ann).mount().assert_state(name="ann")

    # docs:start djust-stub
    def test_a_clerk_may_not_change_notes(self):
        client = LiveViewTestClient(Counter, user=Clerk()).mount()
        result = client.send_event("guarded")
        self.assertEqual(result["code"], "permission_denied")

    def test_a_clerk_with_the_permission_may(self):
        client = LiveViewTestClient(Counter, user=Clerk("app.change_note")).mount()
        client.send_event("guarded")
        client.assert_state(count=1000)

    # docs:end djust-stub

    def test_user_that_is_not_saved(self):
        client = LiveViewTestClient(Members, user=User(username="ben")).mount()
        client.assert_state(name="ben")

    def test_permissions_of_a_row_are_those_of_the_database(self):
        self.ann.user_permissions.add(Permission.objects.get(codename="change_note"))
        client = LiveViewTestClient(Counter, user=self.ann).mount()
        client.send_event("guarded")
        client.assert_state(count=1000)

    def test_any_object_stands_for_a_user(self):
        for user in (
            SimpleNamespace(username="cy"),
            SimpleNamespace(username="cy", is_authenticated=False),
        ):
            client = LiveViewTestClient(Named, user=user).mount()
            client.assert_state(name="cy")
            self.assertEqual(client.user, user)

    def test_nobody_has_djangos_user(self):
        for user in (None, AnonymousUser()):
            LiveViewTestClient(Named, user=user).mount().assert_state(name="")

    def test_what_is_no_user_is_refused(self):
        with self.assertRaisesMessage(TypeError, "user= is a user, not 'ann'."):
            LiveViewTestClient(Members, user="ann")

    def test_application_that_sets_another_user_fails(self):
        client = LiveViewTestClient(Members, user=Clerk(), application=as_ann())
        with self.assertRaisesMessage(
            AssertionError,
            "who cannot log in, but the application's scope has the user",
        ):
            client.mount()

    def test_request_factory_gives_cookies_and_headers(self):
        browser = Client(HTTP_X_TEAM="blue")
        browser.force_login(self.ann)
        client = LiveViewTestClient(Members, browser).mount()
        client.assert_state(name="ann")
        headers = dict(client.communicator.scope["headers"])
        self.assertEqual(headers[b"x-team"], b"blue")
        client = LiveViewTestClient(Counter, request_factory=RequestFactory())
        client.mount().assert_state(count=0)


class OutcomeTests(ChannelTestCase):
    def test_denied_object_has_a_code(self):
        client = LiveViewTestClient(Vault, user=Clerk()).mount()
        client.view_instance.is_mine = False
        result = client.send_event("open")
        self.assertEqual(result["code"], "permission_denied")
        self.assertEqual(result["error"], "Access denied for this object.")
        self.assertEqual(client.get_event_history()[-1]["code"], "permission_denied")

    def test_request_that_is_gone_is_denied(self):
        client = LiveViewTestClient(Counter, user=Clerk("app.change_note")).mount()
        client.view_instance.request = None
        self.assertEqual(client.send_event("guarded")["error"], "Permission denied")

    def test_other_failures_have_no_code(self):
        client = LiveViewTestClient(Counter).mount()
        result = client.send_event("not_a_handler")
        self.assertNotIn("code", result)
        self.assertFalse(result["success"])

    def test_history_has_what_the_test_did(self):
        client = LiveViewTestClient(Orders).mount(table=3)
        client.trigger_info({"type": "db_notify", "channel": "orders", "payload": {}})
        result = client.send_event("nothing", raise_on_missing=False, by=2)
        mounted, notified, event = client.get_event_history()
        self.assertEqual(
            {**mounted, "timestamp": 0},
            {"type": "mount", "params": {"table": 3}, "via_websocket": True}
            | {"timestamp": 0},
        )
        self.assertEqual(notified["type"], "handle_info")
        self.assertEqual(notified["message"]["channel"], "orders")
        self.assertIsNone(notified["error"])
        self.assertEqual((event["name"], event["params"]), ("nothing", {"by": 2}))
        self.assertEqual(event["error"], result["error"])
        self.assertGreater(event["duration_ms"], 0)

    def test_reading_the_history_is_not_looking_at_a_result(self):
        client = LiveViewTestClient(Counter).mount()
        client.send_event("crash")
        self.assertIn("broken", client.get_event_history()[-1]["error"])
        with self.assertRaisesMessage(AssertionError, "send_event('crash') failed"):
            client.send_event("increment")

    def test_followed_redirect_has_a_history_of_its_own(self):
        User.objects.create_user("ann", password="secret")
        client = LiveViewTestClient(SignIn).mount()
        client.send_event("submit", username="ann", password="secret")
        counter = client.follow_redirect()
        (mounted,) = counter.get_event_history()
        self.assertEqual(mounted["params"], {"count": "5"})
        self.assertEqual(len(client.get_event_history()), 2)


class StateTests(ChannelTestCase):
    def test_values_of_the_views_classes_are_state(self):
        client = LiveViewTestClient(Paged).mount()
        self.assertEqual(client.get_state(), {"page": 1, "size": 20})
        result = client.send_event("turn")
        self.assertEqual(result["state_before"]["page"], 1)
        self.assertEqual(result["state_after"], {"page": 2, "size": 20})

    def test_state_is_that_of_djust_without_its_own(self):
        theirs = testing.LiveViewTestClient(Paged).mount().get_state()
        ours = LiveViewTestClient(Paged).mount().get_state()
        own = {"request", *dir(LiveView)}
        self.assertEqual(ours, {n: v for n, v in theirs.items() if n not in own})


class MountAgainTests(ChannelTestCase):
    def test_page_is_asked_for_again_on_the_same_socket(self):
        client = LiveViewTestClient(Board).mount()
        first = client.view_instance
        client.send_event("toggle")
        client.mount(title="notes").assert_state(title="notes", open=False)
        self.assertIsNot(client.view_instance, first)
        self.assertEqual(
            client.view_instance._websocket_session_id, first._websocket_session_id
        )
        self.assertEqual(client.render_with_patches()[1], [])

    def test_page_that_is_closed_needs_another_client(self):
        client = LiveViewTestClient(Board).mount()
        client.disconnect()
        with self.assertRaisesMessage(RuntimeError, "create another client"):
            client.mount()

    def test_refusal_is_raised_then_as_well(self):
        Note.objects.create(pk=1, text="milk")
        client = LiveViewTestClient(NoteDetail).mount(pk=1)
        with self.assertRaises(Note.DoesNotExist):
            client.mount(pk=2)


class WordsTests(ChannelTestCase):
    """Failures begin as those of djust's own client, which tests match."""

    def assert_same_words(self, view: Any, event: str, fail: Any) -> None:
        texts = []
        for kind in (testing.LiveViewTestClient, LiveViewTestClient):
            client = kind(view).mount()
            client.send_event(event)
            with self.assertRaises(AssertionError) as caught:
                fail(client)
            texts.append(str(caught.exception))
        theirs, ours = texts
        self.assertTrue(ours.startswith(theirs), f"{ours}\n\n{theirs}")

    def test_push_events(self):
        for args in (("toast",), ("flash", {"type": "error"})):
            self.assert_same_words(
                Save, "save", lambda c, a=args: c.assert_push_event(*a)
            )
        self.assert_same_words(Save, "nothing", lambda c: c.assert_push_event("toast"))

    def test_navigation(self):
        for view, event, call in (
            (Save, "nothing", "assert_patch"),
            (Save, "nothing", "assert_redirect"),
            (Filter, "filter", "assert_redirect"),
            (Save, "nothing", "follow_redirect"),
        ):
            self.assert_same_words(view, event, lambda c, n=call: getattr(c, n)())

    def test_streams(self):
        self.assert_same_words(Save, "save", lambda c: c.assert_stream_insert("notes"))
        self.assert_same_words(Chat, "post", lambda c: c.assert_stream_insert("notes"))

    def test_state(self):
        self.assert_same_words(Save, "save", lambda c: c.assert_state(saved=2))
        self.assert_same_words(
            Filter, "filter", lambda c: c.assert_state_contains(names="dan")
        )

    def test_beginnings(self):
        client = LiveViewTestClient(Plain).mount()
        client.send_event("twice")
        for call, words in (
            (
                lambda: client.assert_patch("/x/"),
                "Expected a live_patch, but the handler",
            ),
            (
                lambda: client.assert_redirect("/x/"),
                "Expected live_redirect(path='/x/'",
            ),
            (
                client.follow_redirect,
                "follow_redirect: handler queued 2 live_redirects",
            ),
            (
                lambda: client.assert_state(x=1),
                "State variable 'x' not found. Available:",
            ),
        ):
            with self.assertRaisesRegex(AssertionError, rf"\A{re.escape(words)}"):
                call()

    def test_calls_before_mount(self):
        client = LiveViewTestClient(Save)
        for name, args in (
            ("send_event", ("save",)),
            ("render", ()),
            ("render_with_patches", ()),
            ("assert_push_event", ("flash",)),
            ("assert_patch", ()),
            ("assert_redirect", ()),
            ("render_async", ()),
            ("follow_redirect", ()),
            ("assert_stream_insert", ("notes",)),
            ("trigger_info", ({"type": "x"},)),
        ):
            for one in (client, testing.LiveViewTestClient(Save)):
                with self.subTest(name), self.assertRaises(RuntimeError) as caught:
                    getattr(one, name)(*args)
                self.assertEqual(
                    str(caught.exception),
                    "View not mounted. Call client.mount() first.",
                )


class NamesTests(ChannelTestCase):
    def test_every_name_of_djust_is_there(self):
        for name, found in vars(testing).items():
            module = getattr(found, "__module__", None)
            if module == testing.__name__ and not name.startswith("_"):
                self.assertIn(name, djust.__all__)

    def test_every_method_of_the_client_is_there_with_its_parameters(self):
        for name, method in inspect.getmembers(testing.LiveViewTestClient):
            if name.startswith("_") or not callable(method):
                continue
            with self.subTest(name):
                ours = inspect.signature(getattr(LiveViewTestClient, name)).parameters
                theirs = inspect.signature(method).parameters
                self.assertLessEqual(self.named(theirs), self.named(ours))

    def test_every_attribute_of_the_client_is_there(self):
        client = LiveViewTestClient(Counter)
        self.assertIs(client.view_class, Counter)
        client.mount()
        theirs = vars(testing.LiveViewTestClient(Counter))
        for name in {name for name in theirs if name[0] != "_"} - {"patches"}:
            with self.subTest(name):
                self.assertTrue(hasattr(client, name))
        self.assertEqual(client.events, client.get_event_history())
        self.assertIsInstance(client.request_factory, RequestFactory)

    def test_event_by_keyword(self):
        client = LiveViewTestClient(Counter).mount()
        client.send_event(event_name="increment")
        client.assert_state(count=1)

    @staticmethod
    def named(parameters: Any) -> set[str]:
        kinds = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
        # Parameters of mount() have names of their own.
        return {
            parameter.name
            for parameter in parameters.values()
            if parameter.kind in kinds and parameter.name != "mount_kwargs"
        } - {"self"}

    def test_components_raise_the_same_error(self):
        component = SimpleNamespace(mount=lambda: None)
        client = LiveComponentTestClient(lambda: component).mount()
        with self.assertRaises(NoHandlerFoundError):
            client.send_event("no_such_handler")


class AsyncTests(ChannelTestCase):
    async def test_patches(self):
        client = await AsyncLiveViewTestClient(Board).mount()
        await client.send_event("toggle")
        html, patches, _ = await client.render_with_patches()
        self.assertIn(">open</b>", html)
        self.assertNotEqual(patches, [])

    async def test_first_page(self):
        client = AsyncLiveViewTestClient(Divided)
        await client.mount(via_websocket=False)
        client.assert_state(is_live=False)
        self.assertIn("<p>here</p>", await client.render())
        await client.mount()
        client.assert_state(is_live=True)

    async def test_parity(self):
        self.assertTrue(
            await AsyncLiveViewTestClient(Board).assert_http_ws_djid_parity()
        )
        with self.assertRaisesMessage(AssertionError, "divergence for Divided"):
            await AsyncLiveViewTestClient(Divided).assert_http_ws_djid_parity()

    async def test_event_by_keyword(self):
        client = await AsyncLiveViewTestClient(Counter).mount()
        await client.send_event(event_name="increment")
        client.assert_state(count=1)

    async def test_users(self):
        client = AsyncLiveViewTestClient(Members)
        client.user = User(username="ben")
        await client.mount()
        client.assert_state(name="ben")

    async def test_codes_and_history(self):
        client = await AsyncLiveViewTestClient(Counter, user=Clerk()).mount()
        result = await client.send_event("guarded")
        self.assertEqual(result["code"], "permission_denied")
        result = await client.send_event("incremnt", raise_on_missing=False)
        self.assertIn("No handler found for event: incremnt", result["error"])
        self.assertEqual(len(client.get_event_history()), 3)
