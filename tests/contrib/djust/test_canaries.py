"""
The names of djust that its documentation does not promise.

Where one of these fails with a new djust, ``contrib/djust`` has to change.
"""

from __future__ import annotations

import inspect

from django.test import SimpleTestCase
from djust import LiveView, runtime, test_isolation, testing, websocket
from djust.checks.components import _routed_liveview_classes
from djust.config import config
from djust.db.notifications import PostgresNotifyListener
from djust.decorators import event_handler
from djust.mixins import async_work
from djust.rate_limit import ip_tracker, reset_handler_buckets
from djust.security import mount

from . import views


def handle(self: object) -> None: ...


class CanaryTests(SimpleTestCase):
    def test_background_callbacks_are_run_by_one_function(self):
        call = "from .mixins.async_work import run_async_callback"
        for module in (runtime, websocket):
            self.assertIn(call, inspect.getsource(module))
        parameters = inspect.signature(async_work.run_async_callback).parameters
        self.assertEqual(list(parameters), ["callback", "args", "kwargs"])

    def test_view_has_what_is_read_of_it(self):
        view = LiveView()
        for name in ("_framework_attrs", "_stream_operations", "_streams"):
            self.assertIn(name, vars(view))
        view.start_async(print, name="work")
        self.assertEqual(list(view._async_tasks), ["work"])

    def test_handlers_are_marked(self):
        self.assertTrue(hasattr(event_handler(handle), "_djust_decorators"))

    def test_stream_operations_name_stream_and_item(self):
        view = LiveView()
        view.stream("notes", [])
        view.stream_insert("notes", {"id": 1})
        (operation,) = view._stream_operations
        self.assertEqual(operation["type"], "stream_insert")
        stream = view._streams["notes"]
        self.assertEqual(stream.dom_id_for(stream.items[0]), operation["dom_id"])

    def test_consumer_holds_the_view(self):
        self.assertIsNone(websocket.LiveViewConsumer().view_instance)

    def test_limits_are_read_from_the_configuration(self):
        self.assertEqual(config.get("rate_limit"), config._config["rate_limit"])
        source = inspect.getsource(websocket.LiveViewConsumer.connect)
        for name in ("rate", "burst", "max_connections_per_ip"):
            self.assertIn(f'"{name}"', source)

    def test_addresses_are_kept_in_two_dicts(self):
        self.assertIsInstance(ip_tracker._connections, dict)
        self.assertIsInstance(ip_tracker._cooldowns, dict)
        self.assertTrue(callable(reset_handler_buckets))

    def test_mount_asks_one_function_what_is_allowed(self):
        source = inspect.getsource(mount.resolve_view_class)
        self.assertIn("is_view_path_allowed(view_path)", source)
        call = "from .security.mount import is_view_path_allowed"
        self.assertIn(call, inspect.getsource(runtime.ViewRuntime.dispatch_mount))
        self.assertIn("djust", mount._allowed_prefixes())

    def test_routed_views_are_found(self):
        self.assertIn(views.Counter, _routed_liveview_classes())

    def test_identifiers_are_read_by_a_static_method(self):
        html = '<p dj-id="1"></p>'
        self.assertEqual(testing.LiveViewTestClient._djroot_djids(html), ["1"])

    def test_push_without_a_state_renders(self):
        source = inspect.getsource(websocket.LiveViewConsumer._run_server_push_turn)
        self.assertIn("view.render_with_diff", source)

    def test_view_gives_the_content_of_its_root(self):
        self.assertTrue(callable(LiveView._extract_liveview_content))

    def test_reset_has_the_parts_that_are_left_out(self):
        source = inspect.getsource(test_isolation.reset_djust_globals)
        self.assertIn("_reset_channel_layer()", source)
        self.assertIn("_reset_django_thread_locals()", source)

    def test_listener_of_the_database_is_started_by_one_method(self):
        method = PostgresNotifyListener.ensure_listening
        self.assertTrue(inspect.iscoroutinefunction(method))

    def test_notifications_go_to_the_group_of_their_channel(self):
        source = inspect.getsource(websocket.LiveViewConsumer)
        self.assertIn('f"djust_db_notify_{ch', source)
