"""Celery's tasks: held where they would go to the broker."""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING, Any, NamedTuple

from celery import Celery
from celery.app.backends import by_url
from celery.app.control import Control
from celery.app.trace import build_tracer
from celery.app.utils import Settings
from celery.backends.base import DisabledBackend, KeyValueStoreBackend
from celery.exceptions import NotRegistered, Reject
from celery.result import denied_join_result
from celery.states import FAILURE, READY_STATES, REJECTED
from celery.utils.time import maybe_iso8601
from django.core.exceptions import ImproperlyConfigured
from kombu import Connection, Producer
from kombu.serialization import dumps, loads, prepare_accept_content

from channels_testkit.engine.notes import add_note
from channels_testkit.engine.patches import OwnAttribute, Patch

from . import task_failures

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from .held_tasks import HeldTasks

__unittest = True


@contextlib.contextmanager
def celery_held(tasks: HeldTasks) -> Iterator[None]:
    """
    Hold what all apps of Celery send to their brokers, for a block.

    Results are kept in memory, unless the project keeps none.
    """
    held = _HeldCelery(tasks)
    with contextlib.ExitStack() as in_place:
        enter = in_place.enter_context
        enter(Patch(Celery, "producer_or_acquire", held.producer))
        enter(Patch(Celery, "backend", property(held.backend)))
        enter(Patch(Control, "broadcast", held.broadcast))
        # Else its tasks would be run at once, in the code that sends them.
        enter(OwnAttribute(Settings, "task_always_eager", value=False))
        yield


class _HeldCelery:
    """What stands in for the brokers and the results of all apps."""

    def __init__(self, tasks: HeldTasks) -> None:
        self._tasks = tasks
        self._real_backend = vars(Celery)["backend"].fget
        self._backends: dict[Any, Any] = {}

    @property
    def producer(self) -> Any:
        """What stands in for a method of the apps."""

        def producer_or_acquire(app: Any, producer: object = None) -> Any:
            return contextlib.nullcontext(_HoldingProducer(app, self._tasks))

        return producer_or_acquire

    @property
    def broadcast(self) -> Any:
        """What stands in for a method of the apps' remote control."""

        def broadcast(
            control: Any, command: str, arguments: Any = None, **_: Any
        ) -> None:
            # No worker is there that answers; but one would drop these.
            if command == "revoke":
                given = arguments["task_id"]
                for task_id in [given] if isinstance(given, str) else given:
                    self._tasks.drop(task_id)
                    control.app.backend.mark_as_revoked(task_id, "revoked")

        return broadcast

    def backend(self, app: Any) -> Any:
        """Return where an app keeps results."""
        if app not in self._backends:
            kind, _ = by_url(app.backend_cls or app.conf.result_backend, app.loader)
            keeps_none = isinstance(kind, type) and issubclass(kind, DisabledBackend)
            self._backends[app] = (
                self._real_backend(app) if keeps_none else _Results(app, self._tasks)
            )
        return self._backends[app]


class _Message(NamedTuple):
    """What a worker gets from the broker."""

    headers: dict[str, Any]
    content_type: str
    content_encoding: str
    data: Any
    properties: dict[str, Any]
    delivery_info: dict[str, Any]

    def decoded(self, accept: Collection[str]) -> tuple[list[Any], dict[str, Any], Any]:
        """Return args, kwargs and what else belongs to the call."""
        args, kwargs, embed = loads(
            self.data, self.content_type, self.content_encoding, accept=accept
        )
        return args, kwargs, embed


class _HoldingProducer(Producer):  # type: ignore[misc]
    """Takes what a producer would send to the broker, serialized as there."""

    def __init__(self, app: Any, tasks: HeldTasks) -> None:
        # Never connected: it tells which exceptions a connection raises.
        super().__init__(Connection("memory://"))
        self._app = app
        self._tasks = tasks

    def publish(
        self,
        body: Any,
        *,
        headers: dict[str, Any] | None = None,
        serializer: str | None = None,
        exchange: Any = None,
        routing_key: str | None = None,
        priority: int | None = None,
        **properties: Any,
    ) -> None:
        """Hold a task; drop what is none, such as an event for monitors."""
        if isinstance(body, dict) and {"task", "id"} <= body.keys():
            raise ImproperlyConfigured(task_failures.OLD_PROTOCOL)
        if headers is None or "id" not in headers:
            return
        content_type, content_encoding, data = dumps(body, serializer)
        info = {"exchange": exchange, "routing_key": routing_key, "priority": priority}
        message = _Message(
            dict(headers),
            content_type,
            content_encoding,
            data,
            {key: properties.get(key) for key in ("correlation_id", "reply_to")},
            {**info, "redelivered": False},
        )
        self._hold(message)

    def _hold(self, message: _Message) -> None:
        headers = message.headers
        args, kwargs, _ = message.decoded([message.content_type])
        self._tasks.hold(
            headers["task"],
            args,
            kwargs,
            functools.partial(self._work, message),
            task_id=headers["id"],
            queue=message.delivery_info["routing_key"],
            priority=message.delivery_info["priority"],
            eta=maybe_iso8601(headers["eta"]),
            retries=headers["retries"],
        )

    def _work(self, message: _Message) -> None:
        """Do what the process of a worker does with a message."""
        headers, app = message.headers, self._app
        task = _registered(app, headers["task"])
        accepted = prepare_accept_content(app.conf.accept_content)
        args, kwargs, embed = message.decoded(accepted)
        request = {
            **headers,
            **message.properties,
            **embed,
            "args": args,
            "kwargs": kwargs,
            "is_eager": False,
            "delivery_info": message.delivery_info,
        }
        trace = build_tracer(task.name, task, app=app)
        # A worker refuses to wait for other tasks.
        with denied_join_result():
            outcome = trace(headers["id"], args, kwargs, request).info
        if outcome is None:
            return
        error = outcome.retval
        if outcome.state == FAILURE:
            raise error
        if outcome.state == REJECTED and isinstance(error, Reject) and error.requeue:
            self._hold(message)


def _registered(app: Any, name: str) -> Any:
    """Return the task of a name; a worker imports what has tasks."""
    if name not in app.tasks:
        app.loader.import_default_modules()
    if name not in app.tasks:
        known = [it for it in app.tasks if not it.startswith("celery.")]
        error = NotRegistered(name)
        add_note(error, task_failures.not_registered(name, known))
        raise error
    return app.tasks[name]


class _Results(KeyValueStoreBackend):  # type: ignore[misc]
    """The results of an app, in memory; nobody waits for them."""

    implements_incr = True

    def __init__(self, app: Any, tasks: HeldTasks) -> None:
        super().__init__(app=app)
        self._tasks = tasks
        self._values: dict[Any, Any] = {}

    def get(self, key: Any) -> Any:
        """Return a value."""
        return self._values.get(key)

    def set(self, key: Any, value: Any) -> None:
        """Keep a value."""
        self._values[key] = value

    def delete(self, key: Any) -> None:
        """Forget a value."""
        self._values.pop(key, None)

    def incr(self, key: Any) -> int:
        """Count, for chords."""
        self._values[key] = count = int(self._values.get(key, 0)) + 1
        return count

    def expire(self, key: Any, value: Any) -> None:
        """Keep it: the block is short."""

    def _ensure_not_eager(self) -> None:
        """Let a test read them after the block, whatever the settings are."""

    def get_many(self, task_ids: Any, **options: Any) -> Iterator[tuple[str, Any]]:
        """Yield results that are there; raise for one that is not."""
        for task_id in task_ids:
            yield task_id, self.wait_for(task_id)

    def wait_for(self, task_id: str, **options: Any) -> Any:
        """Return a result that is there; raise for one that is not."""
        meta = self.get_task_meta(task_id)
        if meta["status"] not in READY_STATES:
            raise RuntimeError(self._tasks.why_no_result(task_id))
        return meta
