"""
State machines of Hypothesis whose rules talk to the application.

Needs ``python -m pip install "channels-testkit[hypothesis]"``.
"""

from __future__ import annotations

import functools
import inspect
import sys
import unittest
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.exceptions import ImproperlyConfigured
from django.test import TestCase

from channels_testkit.engine.notes import add_note, shortly
from channels_testkit.engine.tracebacks import hide_kit_frames
from channels_testkit.running.exploration import exploration_of
from channels_testkit.testcases.classes import WebsocketTestMixin
from channels_testkit.testcases.options import OptionsOfCase

try:
    from hypothesis import HealthCheck, settings
    from hypothesis.errors import Flaky, UnsatisfiedAssumption
    from hypothesis.stateful import (
        INITIALIZE_RULE_MARKER,
        INVARIANT_MARKER,
        RULE_MARKER,
        RuleBasedStateMachine,
        run_state_machine_as_test,
    )
except ImportError as error:
    raise ImportError(
        "channels_testkit.hypothesis needs Hypothesis: python -m pip install"
        ' "channels-testkit[hypothesis]".'
    ) from error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["WebsocketStateMachine"]
__unittest = True

_MARKERS = (RULE_MARKER, INITIALIZE_RULE_MARKER, INVARIANT_MARKER)
_EXPLORED = (
    "explore_schedules() does not explore {name}: each example of a state machine is"
    " one run. Write the steps that it finds as a test, and explore that test."
)
_NO_EXAMPLE = (
    "{name}() is made by Hypothesis, once for each example: write 'Test{name} ="
    " {name}.TestCase' in the module, and run that."
)
_TAKEN = (
    "{owner}.{name}() is a step of a state machine, and hides an attribute of test"
    " cases: give the step another name."
)
_NOT_TESTED = (
    "{owner}.{name}() is not run: a state machine has no tests of its own. Give it"
    " another name, with @rule(), or move it to a WebsocketTestCase."
)
_ASYNC_CONDITION = (
    "The precondition of {owner}.{name}() is async, and Hypothesis calls it without"
    " 'await': write a plain function that reads what the rules have stored."
)
_NOT_REPEATED = (
    "The usual cause is state that outlives an example: variables of the application's"
    " process, primary keys, or the time of day. Reset it in setUp()."
)
_AT_THE_END = "At the end of the example: {}"


class _Examples:
    """The examples of one machine, of which one runs at a time."""

    def __init__(self) -> None:
        self._running: WebsocketStateMachine | None = None

    def begin(self, machine: WebsocketStateMachine) -> None:
        """Begin one; end the one before if its ``__init__()`` has failed."""
        self.end()
        self._running = machine

    def end(self) -> list[BaseException]:
        """End the example that runs; return the failures not reported yet."""
        machine, self._running = self._running, None
        return [] if machine is None else machine._kit_end()  # noqa: SLF001 - not for users


_in_place: list[_Examples] = []


class _OptionsOfMachine(OptionsOfCase):
    """The options of one example."""

    @property
    def skips(self) -> tuple[type[BaseException], ...]:  # type: ignore[override]
        """What skips an example: also an ``assume()`` that fails."""
        return unittest.SkipTest, UnsatisfiedAssumption

    @property
    def name(self) -> str:
        """How warnings call it."""
        return f"{self.kind.__module__}.{self.kind.__qualname__}"

    def get_place(self) -> tuple[str, int]:
        """Return the file and the line of the class."""
        return inspect.getfile(self.kind), inspect.getsourcelines(self.kind)[1]


class _TestCaseOfMachine:
    """The test case that has Hypothesis run the examples of a machine."""

    def __get__(
        self, machine: object, kind: type[WebsocketStateMachine]
    ) -> type[MachineTestCase]:
        return _test_case_of(kind)


class WebsocketStateMachine(WebsocketTestMixin, RuleBasedStateMachine, TestCase):
    """
    A state machine of Hypothesis that is a ``WebsocketTestCase``.

    Hypothesis calls its rules in many orders, and shrinks the first order that
    fails to few steps. Each order is an example: it begins with new layers, no
    client and the rows of ``setUpTestData()``, and its own rows are rolled
    back. At its end clients disconnect. The example fails for an exception of
    the application, and for whatever a test case reports at its end.

    Rules, invariants, ``teardown()``, ``setUp()`` and ``tearDown()`` may be
    async. The class attributes are those of ``WebsocketTestCase``.

    Test runners run the ``TestCase`` of a subclass. Raises ``TypeError`` for a
    rule that has the name of a method of test cases, for a method whose name
    begins with ``test`` and for an async precondition,
    ``ImproperlyConfigured`` together with ``explore_schedules()``, and
    ``RuntimeError`` if it is made without that ``TestCase``.

    Example::

        from hypothesis import strategies as st
        from hypothesis.stateful import rule

        from channels_testkit.hypothesis import WebsocketStateMachine

        class Echo(WebsocketStateMachine):
            application = EchoConsumer.as_asgi()

            @rule(number=st.integers())
            def a_number_comes_back(self, number):
                ann = self.connect("/")
                ann.send_json({"number": number})
                self.assertReceivesJson(ann, {"number": number})

        TestEcho = Echo.TestCase
    """

    __test__ = False

    TestCase = _TestCaseOfMachine()  # type: ignore[assignment]  # has more

    def __init__(self) -> None:
        """Begin an example."""
        if not _in_place:
            raise RuntimeError(_NO_EXAMPLE.format(name=type(self).__name__))
        TestCase.__init__(self)
        RuleBasedStateMachine.__init__(self)
        self._teardown, self.teardown = self.teardown, self._kit_teardown  # type: ignore[method-assign]
        self._is_set_up = False
        # An exception that the caller of the machine handles.
        self._handled = sys.exc_info()[1]
        _in_place[-1].begin(self)
        self._pre_setup()  # type: ignore[attr-defined]
        self._callSetUp()
        self._is_set_up = True

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for kind in cls.__mro__:
            for name, value in filter(_is_function, vars(kind).items()):
                named = {"owner": kind.__name__, "name": name}
                if name.startswith("test"):
                    # Runners of unittest would make a machine for it.
                    raise TypeError(_NOT_TESTED.format(**named))
                for step in _steps_of(value):
                    if hasattr(WebsocketStateMachine, name):
                        raise TypeError(_TAKEN.format(**named))
                    _check_step(step, value, named)
                    _let_be_async(step)

    def _kit_options(self) -> OptionsOfCase:
        return _OptionsOfMachine(self)

    def _kit_teardown(self) -> None:
        """End the example, when Hypothesis has done its last step."""
        __tracebackhide__ = True
        error = sys.exc_info()[1]
        error = None if error is self._handled else error
        if isinstance(error, Exception):
            self._kit.note_raised(error)
            _end_outside_of_unittest(error)
        failures = _in_place[-1].end()
        ways_out = [it for it in failures if not isinstance(it, Exception)]
        if ways_out or (error is None and failures):
            raise (ways_out or failures)[0]
        if isinstance(error, Exception):
            for other in failures:
                add_note(error, _AT_THE_END.format(shortly(other)))

    def _kit_end(self) -> list[BaseException]:
        failures: list[BaseException] = []
        try:
            for step in self._steps_of_end():
                failures += _raised_by(step)
        finally:
            self._abandon_run()
            self._hide_kit_frames()
        return failures

    def _steps_of_end(self) -> Iterator[Callable[[], object]]:
        if self._is_set_up:
            yield functools.partial(self._kit.call_test_code, self._teardown)
            yield self._callTearDown
        while self._cleanups:  # type: ignore[attr-defined]
            function, args, options = self._cleanups.pop()  # type: ignore[attr-defined]
            yield functools.partial(self._callCleanup, function, *args, **options)
        yield self._post_teardown  # type: ignore[attr-defined]


def _is_function(named: tuple[str, object]) -> bool:
    return inspect.isfunction(named[1])


def _steps_of(value: object) -> list[Any]:
    return [getattr(value, it) for it in _MARKERS if hasattr(value, it)]


def _check_step(step: Any, value: object, named: dict[str, str]) -> None:
    """Raise for a step that would be called without any effect."""
    if any(map(inspect.iscoroutinefunction, step.preconditions)):
        raise TypeError(_ASYNC_CONDITION.format(**named))
    if exploration_of(value, step.function) is not None:
        raise ImproperlyConfigured(_EXPLORED.format(name=named["owner"]))


def _raised_by(step: Callable[[], object]) -> list[BaseException]:
    try:
        step()
    except BaseException as error:  # noqa: BLE001 - returned to the caller
        return [error]
    return []


def _end_outside_of_unittest(error: BaseException) -> None:
    """End a traceback where Hypothesis distinguishes failures."""
    entries, entry = [], error.__traceback__
    while entry is not None:
        entries.append(entry)
        entry = entry.tb_next
    shown = [it for it in entries if "__unittest" not in it.tb_frame.f_globals]
    for last in shown[-1:]:
        last.tb_next = None


def _let_be_async(step: Any) -> None:
    """Let a rule or an invariant be a coroutine function."""
    function = step.function
    if not inspect.iscoroutinefunction(function):
        return

    @functools.wraps(function)
    def call(machine: WebsocketStateMachine, **values: object) -> Any:
        __tracebackhide__ = True
        return machine._kit.call_test_code(function, machine, **values)  # noqa: SLF001 - not for users

    # An invariant is frozen.
    object.__setattr__(step, "function", call)


class _OfMachine:
    """An attribute of a test case that is what its machine has."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, case: object, kind: type[MachineTestCase]) -> Any:
        return getattr(kind.machine, self._name)


class MachineTestCase(TestCase):
    """
    What runs the examples of a state machine, as one test.

    ``settings`` are Hypothesis's. The class fixtures are those of the machine.
    """

    machine: ClassVar[type[WebsocketStateMachine]]
    # Read when they are asked for: a decorator may come after this was made.
    databases: Any = _OfMachine()
    tags: Any = _OfMachine()
    __unittest_skip__: Any = _OfMachine()
    __unittest_skip_why__: Any = _OfMachine()
    __unittest_expecting_failure__: Any = _OfMachine()
    #: As for Hypothesis's own machines.
    settings: Any = None

    _raised: BaseException | None = None

    def runTest(self) -> None:  # noqa: N802 - unittest's name
        """Have Hypothesis run the examples."""
        __tracebackhide__ = True
        examples = _Examples()
        _in_place.append(examples)
        try:
            run_state_machine_as_test(self.machine, settings=self.settings)
        except BaseException as error:
            self._raised = error
            if isinstance(error, Flaky):
                add_note(error, _NOT_REPEATED)
            raise
        finally:
            _in_place.remove(examples)
            examples.end()

    runTest.is_hypothesis_test = True  # type: ignore[attr-defined]

    def shortDescription(self) -> str | None:  # noqa: N802 - as above
        """Return the first line of what the machine's docstring says."""
        return next(iter((self.machine.__doc__ or "").strip().splitlines()), None)

    def run(self, result: unittest.TestResult | None = None) -> Any:
        """Run the test; show no frames of the kit, in ``--parallel`` too."""
        try:
            return super().run(result)
        finally:
            error, self._raised = self._raised, None
            if error is not None:
                hide_kit_frames(error)

    @classmethod
    def setUpClass(cls) -> None:
        """Prepare the machine's class instead of this one."""
        if exploration_of(None, cls.machine) is not None:
            raise ImproperlyConfigured(_EXPLORED.format(name=cls.machine.__name__))
        cls.machine.setUpClass()

    @classmethod
    def tearDownClass(cls) -> None:
        """Take down what the machine's class has."""
        cls.machine.tearDownClass()

    @classmethod
    def doClassCleanups(cls) -> None:  # noqa: N802 - as above
        """Do the clean-ups of the machine's class as well."""
        super().doClassCleanups()
        cls.machine.doClassCleanups()
        cls.tearDown_exceptions += cls.machine.tearDown_exceptions  # type: ignore[attr-defined]

    # Each example has its own.

    @classmethod
    def _fixture_setup(cls) -> None:
        """Leave it to the examples."""

    def _fixture_teardown(self) -> None:
        """Leave it to the examples."""


@functools.cache
def _test_case_of(machine: type[WebsocketStateMachine]) -> type[MachineTestCase]:
    names = {
        "__module__": machine.__module__,
        "__qualname__": f"{machine.__qualname__}.TestCase",
        "__doc__": machine.__doc__,
        "machine": machine,
        "settings": settings(deadline=None, suppress_health_check=list(HealthCheck)),
    }
    return type(f"{machine.__name__}.TestCase", (MachineTestCase,), names)
