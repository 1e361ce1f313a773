"""Test cases with a live server: real clients, one process."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, ClassVar

from asgiref.sync import sync_to_async
from django.test import TestCase, TransactionTestCase
from django.test.utils import modify_settings
from django.utils.functional import classproperty

from channels_testkit.asgi.cookies import cookie_header
from channels_testkit.asgi.login import Login
from channels_testkit.assertions.methods import unbound
from channels_testkit.engine import parked_loops
from channels_testkit.routing.application import configured_application
from channels_testkit.running.kit_calls import kit_coroutine
from channels_testkit.testcases.classes import WebsocketTestMixin
from channels_testkit.testcases.lifespan import application_of_class

from .serving import LiveServer, in_url
from .settings import LiveSettings, check_settings

if TYPE_CHECKING:
    from channels_testkit.asgi.application import ASGIApplication
    from channels_testkit.assertions.methods import WebsocketMethods
    from channels_testkit.running.run import TestRun

__unittest = True


class ServedTests(LiveSettings, WebsocketTestMixin):
    """A live server for the tests of a class; subclasses add the database."""

    _live: ClassVar[LiveServer | None] = None
    _rolls_back: ClassVar[bool] = False

    if TYPE_CHECKING:
        # What Django's test cases have.
        databases: Any

    @classproperty
    def live_server_url(cls) -> str:  # noqa: N805 - of the class
        """Where pages are: ``http://127.0.0.1:`` and the port."""
        return f"http://{cls._running_server().address}"

    @classproperty
    def live_server_ws_url(cls) -> str:  # noqa: N805 - of the class
        """Where WebSockets are: ``ws://127.0.0.1:`` and the port."""
        return f"ws://{cls._running_server().address}"

    @classproperty
    def allowed_host(cls) -> str:  # noqa: N805 - of the class
        """Add this to ``ALLOWED_HOSTS``: ``host``, as URLs have it."""
        return in_url(cls.host)

    @classmethod
    def setUpClass(cls) -> None:
        """Start the server; it is stopped whatever happens then."""
        check_settings(cls, cls.__name__)
        super().setUpClass()
        enter: Any = cls.enterClassContext  # type: ignore[attr-defined]
        enter(parked_loops.parked_loops_hidden())
        enter(modify_settings(ALLOWED_HOSTS={"append": cls.allowed_host}))
        cls._live = enter(
            LiveServer(
                owner=cls.__name__,
                host=cls.host,
                port=cls.port,
                server_class=cls.server_class,
                databases=cls.databases,
                static_wrapper=cls._static_wrapper(),
                class_application=cls._class_application,
                run_lifespan=cls.run_lifespan,
                hang_timeout=cls.hang_timeout,
                rolls_back=cls._rolls_back,
            )
        )
        cls.addClassCleanup(setattr, cls, "_live", None)  # type: ignore[attr-defined]

    @classmethod
    def _kit_start_lifespan(cls) -> None:
        """Leave it to the server, which is still to start."""

    def login_headers(self, user: Any) -> dict[str, str]:
        """
        Return the headers by which a client of the server is logged in.

        They are what ``get_login()`` returns, cookies as one header; any HTTP
        or WebSocket client takes them. Raises ``RuntimeError`` in an async
        test, which has ``alogin_headers()``.
        """
        return login_headers(self, user, "self.alogin_headers")

    @kit_coroutine
    async def alogin_headers(self, user: Any) -> dict[str, str]:
        """Return the headers that log a client in, in an async test."""
        return await alogin_headers(self, user)

    def _kit_run_begins(self, run: TestRun) -> None:
        server = self._running_server()
        channels, threads = self.worker_channels, self.worker_threads
        server.begin(run, channels=channels, threads=threads)

    @classmethod
    def _running_server(cls) -> LiveServer:
        if cls._live is None:
            raise AttributeError(
                f"{cls.__name__} has no server now: it runs from setUpClass() to the"
                " class's clean-ups."
            )
        return cls._live

    @classmethod
    def _static_wrapper(cls) -> Any:
        return unbound(cls, "static_wrapper") if cls.serve_static else None

    @classmethod
    def _class_application(cls) -> ASGIApplication:
        """Return what is served before the first test."""
        found = application_of_class(cls)
        return configured_application() if found is None else found


class LiveServerTestCase(ServedTests, TransactionTestCase):
    """
    Django's ``LiveServerTestCase`` for HTTP and WebSockets.

    A thread of this process serves the project's application on
    ``live_server_url`` and ``live_server_ws_url``: patches and settings of a
    test apply to it, and it uses the captive layers. What the application
    raises fails the test. Clients that are still connected when the test ends
    are disconnected before the database is flushed.

    The kit cannot prove that a server in other threads is at rest: receives,
    and assertions about the layers, wait up to ``receive_timeout``.

    If no server is installed, the tests are skipped, or fail if
    ``CHANNELS_TESTKIT_REQUIRE`` names ``live``. Raises ``OSError`` if
    ``port`` is taken.
    """


class RollbackLiveServerTestCase(ServedTests, TestCase):
    """
    ``LiveServerTestCase`` as a Django ``TestCase``: rolled back, not flushed.

    The server, its workers and the test share one connection for each
    database, in the transaction of the test: all see the rows of
    ``setUpTestData()``, and each other's. They take turns, each for one
    outermost ``atomic()``, or for one query outside of it. A turn is a
    savepoint: if it fails, it alone is rolled back, and ``on_commit()`` runs
    at its end.

    If a thread waits for its turn for longer than ``hang_timeout`` seconds,
    it raises ``OperationalError`` with the line that holds it up, such as an
    ``atomic()`` of the test that waits for the server. Code that has to commit
    needs ``LiveServerTestCase``. Raises ``ImproperlyConfigured`` if a
    database has no transactions.

    Example::

        from django.contrib.auth.models import User

        class PageTests(RollbackLiveServerTestCase):
            @classmethod
            def setUpTestData(cls):
                cls.ann = User.objects.create_user("ann")

            def test_page(self):
                headers = self.login_headers(self.ann)
    """

    _rolls_back = True

    @classmethod
    def _kit_end_lifespan(cls) -> None:
        """Stop the server before the rollback: nothing may query after it."""
        cls._running_server().stop()
        super()._kit_end_lifespan()


def login_headers(test: WebsocketMethods, user: Any, twin: str) -> dict[str, str]:
    """Return the headers that ``get_login()`` of a test stands for."""
    run = test._kit  # noqa: SLF001 - not for users
    run.refuse_in_async_test(twin)
    with run.database.uncounted():
        return _headers_of(run.call_test_code(test.get_login, user))


async def alogin_headers(test: WebsocketMethods, user: Any) -> dict[str, str]:
    """Return the headers that ``get_login()`` of a test stands for."""
    run = test._kit  # noqa: SLF001 - not for users
    with run.database.uncounted():
        given = await sync_to_async(lambda: test.get_login(user))()
        return _headers_of(await given if inspect.isawaitable(given) else given)


def _headers_of(given: Any) -> dict[str, str]:
    login = Login.from_mapping(given)
    headers = [*login.headers, (b"cookie", cookie_header(login.cookies))]
    return {
        name.decode("latin1"): value.decode("latin1")
        for name, value in headers
        if value
    }
