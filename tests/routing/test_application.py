from __future__ import annotations

from unittest import mock

from channels.auth import AuthMiddlewareStack
from channels.routing import ChannelNameRouter, ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator, OriginValidator
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.exceptions import ImproperlyConfigured
from django.test import SimpleTestCase, override_settings
from django.urls import path, re_path

from channels_testkit import SimpleWebsocketTestCase
from channels_testkit.routing.application import (
    layers_of,
    project_application,
    routes_of,
)
from channels_testkit.routing.origins import default_origin
from tests.app import asgi
from tests.app.consumers import EchoConsumer
from tests.utils import run_case

ECHO = EchoConsumer.as_asgi()
http_only = get_asgi_application()
no_websockets = ProtocolTypeRouter({"http": http_only})


class Wrapper:
    """Middleware as projects write it."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)


class ProjectApplicationTests(SimpleTestCase):
    def test_is_that_of_the_settings(self):
        self.assertIs(project_application(), asgi.application)

    def test_without_setting(self):
        for value in (None, ""):
            with self.subTest(value), override_settings(ASGI_APPLICATION=value):
                with self.assertRaises(ImproperlyConfigured) as caught:
                    project_application()
                self.assertEqual(
                    str(caught.exception),
                    "ASGI_APPLICATION is not set: name the project's application in the"
                    " settings, or set application on the test case.",
                )

    def test_that_serves_http_alone(self):
        for name in ("http_only", "no_websockets"):
            value = f"{__name__}.{name}"
            with self.subTest(name), override_settings(ASGI_APPLICATION=value):
                with self.assertRaises(ImproperlyConfigured) as caught:
                    project_application()
                self.assertEqual(
                    str(caught.exception),
                    f"ASGI_APPLICATION ({value!r}) has no websocket route: wrap it in"
                    " ProtocolTypeRouter({'http': ..., 'websocket': ...}).",
                )

    @override_settings(ASGI_APPLICATION="tests.app.asgi.missing")
    def test_that_is_not_there(self):
        with self.assertRaisesMessage(ImproperlyConfigured, "tests.app.asgi"):
            project_application()


class LayersTests(SimpleTestCase):
    def test_goes_through_routers_and_middleware(self):
        wrapper = Wrapper(ECHO)
        router = URLRouter([path("a/", wrapper)])
        application = ProtocolTypeRouter({"websocket": router})
        self.assertEqual(
            list(layers_of(application)), [application, router, wrapper, ECHO]
        )

    def test_ends_where_middleware_wraps_itself(self):
        wrapper = Wrapper(None)
        wrapper.app = wrapper
        self.assertEqual(list(layers_of(wrapper)), [wrapper])


class RoutesTests(SimpleTestCase):
    def test_are_shown_whole_through_nesting(self):
        inner = URLRouter([re_path(r"^(?P<room>\w+)/$", ECHO), path("", ECHO)])
        router = URLRouter(
            [
                path("ws/chat/", AuthMiddlewareStack(inner)),
                path("ws/", URLRouter([path("echo/", Wrapper(ECHO))])),
                re_path(r"^old\Z", ECHO),
            ]
        )
        self.assertEqual(
            routes_of(ProtocolTypeRouter({"websocket": Wrapper(router)})),
            [r"/ws/chat/(?P<room>\w+)/", "/ws/chat/", "/ws/echo/", "/old"],
        )

    def test_are_none_without_router(self):
        self.assertEqual(routes_of(ECHO), [])
        self.assertEqual(routes_of(ChannelNameRouter({"jobs": ECHO})), [])

    def test_a_path_without_route_fails_with_the_routes(self):
        class Inner(SimpleWebsocketTestCase):
            application = URLRouter(
                [path("ws/", URLRouter([path("chat/<str:room>/", ECHO)]))]
            )

            def test(self):
                self.connect("/other/")

            async def test_async(self):
                await self.aconnect("/other/")

        result = run_case(Inner)
        for error in result.raised:
            self.assertIsInstance(error, AssertionError)
            self.assertEqual(
                str(error),
                "No route found for path 'other/'.\n\nThe routes are:\n"
                "  /ws/chat/<str:room>/",
            )
        self.assertEqual(len(result.raised), 2)

    def test_another_value_error_comes_out_as_it_is(self):
        async def broken(scope, receive, send):
            raise ValueError("something else")

        class Inner(SimpleWebsocketTestCase):
            application = broken

            def test(self):
                self.connect("/")

        (error,) = run_case(Inner).raised
        self.assertEqual((type(error), str(error)), (ValueError, "something else"))


class DefaultOriginTests(SimpleTestCase):
    def test_is_that_of_the_test_server(self):
        for application in (ECHO, OriginValidator(ECHO, ["*"])):
            with self.subTest(application):
                self.assertEqual(default_origin(application), "http://testserver")

    def test_is_the_first_that_a_validator_lists(self):
        for origins, expected in (
            (["chat.example"], "http://chat.example"),
            ([".chat.example"], "http://chat.example"),
            (["https://chat.example:444", "a.example"], "https://chat.example:444"),
            (["http://.chat.example"], "http://chat.example"),
            ([], "http://testserver"),
        ):
            application = Wrapper(OriginValidator(ECHO, origins))
            with self.subTest(origins=origins):
                self.assertEqual(default_origin(application), expected)


class AllowedHostsTests(SimpleTestCase):
    """AllowedHostsOriginValidator takes the list when it is made."""

    def connect_in_a_test(self, application, settings_=None, **options):
        class Inner(SimpleWebsocketTestCase):
            def test(self):
                with override_settings(**(settings_ or {})):
                    self.connect("/", application=application, **options)

        return run_case(Inner).texts

    def test_made_during_the_tests(self):
        self.assertEqual(self.connect_in_a_test(AllowedHostsOriginValidator(ECHO)), [])

    def test_made_before_the_tests_began(self):
        """The runner replaces the list by one that has its own host."""
        before = settings._wrapped.ALLOWED_HOSTS
        saved = mock.Mock(allowed_hosts=before)
        validator = AllowedHostsOriginValidator(ECHO)
        # What the runner of Django does when the tests begin.
        with mock.patch("django.test.utils._TestState.saved_data", saved):
            with override_settings(ALLOWED_HOSTS=["testserver"]):
                self.assertEqual(self.connect_in_a_test(validator), [])

    def test_the_settings_of_the_test_decide(self):
        validator = AllowedHostsOriginValidator(ECHO)
        hosts = {"ALLOWED_HOSTS": ["chat.example"]}
        self.assertEqual(self.connect_in_a_test(validator, hosts), [])
        self.assertEqual(
            self.connect_in_a_test(validator, hosts, origin="http://chat.example"), []
        )
        (text,) = self.connect_in_a_test(validator, hosts, origin="http://testserver")
        self.assertIn("OriginValidator does not accept 'http://testserver'.", text)
        self.assertIn("the hosts in ALLOWED_HOSTS: 'chat.example'.", text)

    def test_debug_without_hosts_accepts_the_local_ones(self):
        validator = AllowedHostsOriginValidator(ECHO)
        debug = {"ALLOWED_HOSTS": [], "DEBUG": True}
        self.assertEqual(
            self.connect_in_a_test(validator, debug, origin="http://localhost"), []
        )

    def test_a_subclass_judges_by_its_own_rule(self):
        class Lenient(OriginValidator):
            def validate_origin(self, parsed_origin):
                return parsed_origin.hostname in {"a.example", *self.allowed_origins}

        validator = Lenient(ECHO, settings.ALLOWED_HOSTS)
        for host in ("a.example", "b.example"):
            hosts = {"ALLOWED_HOSTS": ["b.example"]}
            texts = self.connect_in_a_test(validator, hosts, origin=f"http://{host}")
            self.assertEqual(texts, [])

    def test_a_list_of_ones_own_is_left_alone(self):
        validator = OriginValidator(ECHO, ["chat.example"])
        (text,) = self.connect_in_a_test(validator, origin="http://testserver")
        self.assertIn("It accepts: 'chat.example'.", text)
