"""The options of the run of one test, as one value."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from django.core.exceptions import ImproperlyConfigured

from channels_testkit.asgi.breaches import BREACHES, Level
from channels_testkit.asgi.environment import UNSET
from channels_testkit.asgi.frame_schemas import schema_of
from channels_testkit.asgi.login import session_login
from channels_testkit.asgi.schema_kinds import NotASchemaError
from channels_testkit.asgi.scope import ASGI_EXTENSIONS
from channels_testkit.asgi.wire import JsonWire
from channels_testkit.layers.swapping import EVERY_ALIAS
from channels_testkit.matching.wording import say

if TYPE_CHECKING:
    from channels_testkit.asgi.application import ASGIApplication
    from channels_testkit.asgi.environment import Policies
    from channels_testkit.engine.schedules import Schedule
    from channels_testkit.layers.swapping import LayersInPlace

CommitRule = Literal["production", "django"]
LayerSource = Literal["captive", "configured"]
Backlog = Literal["lost", "kept"]
#: Whether the lifespan is run, and how long one of them goes on.
RunLifespan = Literal[True, False, "class", "loop"]

#: What frames must be like: those of the application, and of clients.
FRAME_SCHEMAS = ("frame_schema", "sent_frame_schema")
LEVELS: tuple[Level, ...] = get_args(Level)
WATCHES = (
    *("application_errors", "check_dropped", "check_leaks", "check_revoked"),
    "check_unread",
)
COMMIT_RULES: tuple[CommitRule, ...] = get_args(CommitRule)
BACKLOGS: tuple[Backlog, ...] = get_args(Backlog)
RUN_LIFESPANS: tuple[RunLifespan, ...] = get_args(RunLifespan)
#: The options that are facts about a test, and no attributes of it.
FACTS = frozenset(
    {
        *("called", "commits", "databases", "get_clients", "get_place", "has_report"),
        *("module", "name", "schedule", "sends_overlap", "skips"),
    }
)
LAYER_SOURCES: tuple[LayerSource, ...] = get_args(LayerSource)
_PROPERTIES = (property, functools.cached_property)
_JSON = JsonWire()


def _nothing() -> None:
    """Answer that there is none."""


def _no_subprotocols() -> tuple[str, ...]:
    """Answer that none is offered."""
    return ()


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """
    The options of the run of one test.

    The class attributes of a test case have the same names. Each is read when
    it is needed. Fields whose names begin with ``get_`` are called during the
    test, on its thread, and may return an awaitable.
    """

    #: The name of the test in warnings, and its module.
    name: str = "A test"
    module: str = ""
    #: The name that the test has for the object with the kit's methods.
    called: str = "self"
    #: The file and the line of the test, which warnings point at.
    get_place: Callable[[], tuple[str, int]] = lambda: ("<unknown>", 1)

    #: Whether the runner's report shows the timeline, so that failures do not.
    has_report: bool = False

    #: The databases that the test may use.
    databases: Collection[str] = ()
    #: The exceptions that skip the test.
    skips: tuple[type[BaseException], ...] = ()
    #: Whether the test commits, and so may close its connections.
    commits: bool = False

    test_channel_aliases: Any = EVERY_ALIAS
    #: Where layers come from: a name, or a function that makes them.
    layer_source: LayerSource | Callable[[], LayersInPlace] = "captive"
    strict_messages: bool = True

    application_errors: Level = "fail"
    check_protocol: Level | Collection[str] = "fail"
    check_dropped: Level = "fail"
    check_leaks: Level = "warn"
    check_unread: Level = "off"
    check_revoked: Level = "off"

    #: The schema of frames, of any kind, or None.
    frame_schema: Any = None
    sent_frame_schema: Any = None

    #: Seconds of real time that a call may take, or None for no limit.
    hang_timeout: float | None = 30.0
    #: Seconds that a receive waits for a frame that can still come.
    receive_timeout: float = 1.0
    #: What happens to the messages behind the one at which a worker raises.
    worker_backlog: Backlog = "lost"
    background_jobs: Collection[object] = ()
    outside_threads: Collection[object] = ()
    idle_threads: Collection[object] = ()

    #: Whether the application is started and shut down, and for how long.
    run_lifespan: RunLifespan = False

    #: Whether time stands still unless the test moves it.
    use_virtual_time: bool = False

    #: Chooses among events, if the run is explored.
    schedule: Schedule | None = None
    #: Whether sends of clients return before the application is at rest.
    sends_overlap: bool = False

    wire: JsonWire = _JSON
    #: The application, or None for that of the settings.
    get_application: Callable[[], ASGIApplication | None] = _nothing
    #: Returns what logs a user in; see ``WebsocketTestCase.get_login()``.
    get_login: Callable[[Any], Any] = session_login
    get_ws_headers: Callable[[], Any] = _nothing
    get_subprotocols: Callable[[], Any] = _no_subprotocols
    #: The ASGI extensions that the server offers, with their values.
    get_extensions: Callable[[], Mapping[str, Mapping[str, object]]] = lambda: (
        ASGI_EXTENSIONS
    )
    #: Django's test clients, whose cookies are sent where no user is given.
    get_clients: Callable[[], Iterable[Any]] = tuple

    @property
    def owner(self) -> str:
        """The name of these options in errors of ``check()``."""
        return type(self).__name__

    def check(self) -> None:
        """Raise ``ImproperlyConfigured`` for an invalid value."""
        check_options(self, self.owner)


def check_options(options: Any, owner: str) -> None:
    """
    Raise ``ImproperlyConfigured`` for an invalid value.

    ``options`` is anything with the attributes, and ``owner`` its name.
    """
    for name in WATCHES:
        check_choice(options, owner, name, LEVELS)
    if not (isinstance(options, RunOptions) and callable(options.layer_source)):
        check_choice(options, owner, "layer_source", LAYER_SOURCES)
    check_choice(options, owner, "worker_backlog", BACKLOGS)
    check_choice(options, owner, "run_lifespan", RUN_LIFESPANS)
    _check_breaches(options, owner)
    _check_schemas(options, owner)
    check_choice(options, owner, "use_virtual_time", (True, False))
    if options.use_virtual_time:
        check_layers_for_virtual_time(options)
    for name in ("hang_timeout", "receive_timeout"):
        check_seconds(options, owner, name)
    _check_listed(options, owner, "background_jobs", "functions or dotted names")
    for name in ("outside_threads", "idle_threads"):
        _check_listed(options, owner, name, "names of threads or functions")


def check_layers_for_virtual_time(options: Any) -> None:
    """Raise ``ImproperlyConfigured`` for a layer that goes by real time."""
    if options.layer_source != "captive":
        raise no_virtual_time("a real channel layer")


def no_virtual_time(what: str) -> ImproperlyConfigured:
    """Return the refusal of virtual time on what goes by real time."""
    return ImproperlyConfigured(
        f"Virtual time together with {what}, which goes by real time: use one of them."
        " explore_schedules() has virtual time too."
    )


def check_policies(policies: Policies) -> None:
    """Raise ``ImproperlyConfigured`` for an invalid policy."""
    owner = None  # They are arguments of a call.
    if policies.check_protocol is not None:
        _check_breaches(policies, owner)
    if policies.receive_timeout is not None:
        check_seconds(policies, owner, "receive_timeout")
    if policies.application_errors is not None:
        check_choice(policies, owner, "application_errors", LEVELS)
    _check_schemas(policies, owner)


def check_choice(
    options: Any, owner: str | None, name: str, choices: tuple[object, ...]
) -> None:
    """Raise ``ImproperlyConfigured`` for a value that is not a choice."""
    value = getattr(options, name)
    if value not in choices:
        listed = ", ".join(map(repr, choices))
        raise ImproperlyConfigured(
            f"{_named(owner, name)} is one of {listed}, not {say(value)}."
        )


def check_seconds(options: Any, owner: str | None, name: str) -> None:
    """Raise ``ImproperlyConfigured`` for an invalid number of seconds."""
    value = getattr(options, name)
    if value is None and name == "hang_timeout":
        return
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not (is_number and value >= 0):
        raise ImproperlyConfigured(
            f"{_named(owner, name)} is a number of seconds, not {say(value)}."
        )


def _named(owner: str | None, name: str) -> str:
    return f"{name}=" if owner is None else f"{owner}.{name}"


def _check_breaches(options: Any, owner: str | None) -> None:
    value = options.check_protocol
    called = _named(owner, "check_protocol")
    if isinstance(value, str):
        check_choice(options, owner, "check_protocol", LEVELS)
        return
    if not isinstance(value, Collection):
        listed = ", ".join(map(repr, LEVELS))
        raise ImproperlyConfigured(
            f"{called} is one of {listed}, or names breaches to allow, not"
            f" {say(value)}."
        )
    unknown = sorted((name for name in value if name not in list(BREACHES)), key=str)
    if unknown:
        raise ImproperlyConfigured(
            f"{called} allows {', '.join(map(repr, unknown))},"
            f" but the breaches are: {', '.join(BREACHES)}."
        )


def _check_schemas(options: Any, owner: str | None) -> None:
    for name in FRAME_SCHEMAS:
        # A property of a class is read when a test has begun; that of a test
        # may need what setUp() makes, and is read again for each frame.
        value = getattr(options, name, UNSET)
        if value is None or value is UNSET or isinstance(value, _PROPERTIES):
            continue
        try:
            schema_of(value)
        except NotASchemaError as error:
            text = f"{_named(owner, name)} {error}"
            raise ImproperlyConfigured(text) from error.__cause__


def _check_listed(options: Any, owner: str, name: str, kinds: str) -> None:
    value = getattr(options, name)
    if isinstance(value, str) or not isinstance(value, Collection):
        raise ImproperlyConfigured(
            f"{owner}.{name} is a list of {kinds}, not {say(value)}."
        )
