"""State machines: each example is a run, and what fails in it is shrunk."""

from __future__ import annotations

import asyncio
import pickle
import unittest
import warnings
from typing import Any, ClassVar
from unittest import mock

from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.test import override_settings, skipUnlessDBFeature, tag
from hypothesis import assume, settings, strategies as st
from hypothesis.errors import Flaky
from hypothesis.stateful import (
    Bundle,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from channels_testkit import ChannelsTestkitWarning, Group, explore_schedules
from channels_testkit.hypothesis import WebsocketStateMachine
from channels_testkit.running.run import in_place
from tests.app.asgi import application
from tests.app.consumers import EchoConsumer
from tests.app.models import Note

from .machines import REPEATABLE, run_machine
from .utils import OuterTestCase, run_python, told_with

ECHO: Any = EchoConsumer.as_asgi()
FEW = settings(REPEATABLE, max_examples=5, stateful_step_count=3)


class Machine(WebsocketStateMachine):
    """What the machines of these tests have in common."""

    application: Any = ECHO
    ws_path = "/"


class LeavingConsumer(AsyncJsonWebsocketConsumer):
    """Fails when its client leaves, if it was told to."""

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        self.content = content
        if content == "task":
            self.task = asyncio.get_running_loop().create_task(asyncio.sleep(600))
        if content == "raise":
            raise ValueError("asked for")

    async def disconnect(self, code: int) -> None:
        if getattr(self, "content", None) == "fail":
            raise LookupError("asked for")


class MachineTests(OuterTestCase):
    def assertPasses(self, machine: type[WebsocketStateMachine]) -> None:
        self.assertEqual(run_machine(machine).texts, [])

    def assertFails(
        self, machine: type[WebsocketStateMachine], *steps: str
    ) -> BaseException:
        """Return what a machine has failed with, after these steps."""
        (error,) = run_machine(machine).raised
        told = told_with(error)
        state = f"state = {machine.__name__}()\n"
        self.assertIn("\n".join([state + steps[0], *steps[1:]]), told)
        return error

    def assertInterrupts(self, machine: type[WebsocketStateMachine]) -> None:
        case: Any = machine.TestCase
        case.settings = REPEATABLE
        case.setUpClass()
        try:
            with self.assertRaises(KeyboardInterrupt):
                case().debug()
        finally:
            case.tearDownClass()
            case.doClassCleanups()

    def tearDown(self) -> None:
        self.assertIsNone(in_place())
        self.assertFalse(connection.in_atomic_block)
        self.assertEqual(Note.objects.count(), 0)

    def test_each_example_has_layers_clients_and_rows_of_its_own(self) -> None:
        seen: list[tuple[Any, ...]] = []

        class Fresh(Machine):
            @initialize()
            def begins(self) -> None:
                layer = self.channel_layer
                seen.append((len(layer.sent), Note.objects.count(), len(self.timeline)))

            @rule(text=st.sampled_from(["tea", "milk"]))
            def writes(self, text: str) -> None:
                Group("room").send({"type": "told", "text": text})
                Note.objects.create(text=text)
                self.connect()

        self.assertPasses(Fresh)
        # One query, the count, is on the timeline before it is read.
        self.assertEqual({it[:2] for it in seen}, {(0, 0)})
        self.assertEqual(len({it[2] for it in seen}), 1)
        self.assertGreater(len(seen), 2)

    def test_rows_of_the_class_are_there_in_each_example(self) -> None:
        class Shared(Machine):
            application: Any = application
            note: ClassVar[Note]

            @classmethod
            def setUpTestData(cls) -> None:
                cls.ann = User.objects.create_user("ann")
                cls.note = Note.objects.create(text="tea")

            @rule()
            def changes(self) -> None:
                assert self.note.text in {"tea", "milk"}
                self.note.text = "milk"
                self.note.save()

            @initialize()
            def finds_it_as_it_was(self) -> None:
                self.assertEqual(self.note.text, "tea")
                self.assertEqual(Note.objects.get().text, "tea")
                connection = self.connect("/ws/who/", user=self.ann)
                self.assertReceivesJson(connection, {"user": "ann"}, partial=True)

        self.assertPasses(Shared)

    def test_steps_are_shrunk(self) -> None:
        class Counting(Machine):
            rooms: Bundle[Any] = Bundle("clients")

            @rule(target=rooms)
            def comes(self) -> Any:
                return self.connect()

            @rule(client=rooms, number=st.integers(0, 1000))
            def says(self, client: Any, number: int) -> None:
                client.send_json(number)
                self.assertLess(client.receive_json(), 10)

        error = self.assertFails(
            Counting,
            "clients_0 = state.comes()",
            "state.says(client=clients_0, number=10)",
            "state.teardown()",
        )
        self.assertIsInstance(error, AssertionError)

    def test_an_exception_of_a_consumer_is_shrunk(self) -> None:
        class Raising(Machine):
            application: Any = LeavingConsumer.as_asgi()

            @rule(content=st.sampled_from(["hello", "raise"]))
            def says(self, content: str) -> None:
                self.connect(name="ann").send_json(content)

        error = self.assertFails(
            Raising, "state.says(content='raise')", "state.teardown()"
        )
        self.assertIsInstance(error, ValueError)
        self.assertIn(
            "Raised by LeavingConsumer, the application of ann", told_with(error)
        )

    def test_what_fails_at_the_end_of_an_example_is_shrunk(self) -> None:
        class Leaving(Machine):
            application: Any = LeavingConsumer.as_asgi()

            @rule(content=st.sampled_from(["hello", "fail"]))
            def says(self, content: str) -> None:
                self.connect(name="ann").send_json(content)

        error = self.assertFails(
            Leaving, "state.says(content='fail')", "state.teardown()"
        )
        self.assertIsInstance(error, LookupError)

    def test_the_watches_fail_an_example(self) -> None:
        class Leaking(Machine):
            application: Any = LeavingConsumer.as_asgi()
            check_leaks = "fail"

            @rule(content=st.sampled_from(["hello", "task"]))
            def says(self, content: str) -> None:
                self.connect(name="ann").send_json(content)

        error = self.assertFails(
            Leaking, "state.says(content='task')", "state.teardown()"
        )
        self.assertIn("Still there after all clients had left", str(error))

    def test_a_warning_points_at_the_machine(self) -> None:
        class Leaking(Machine):
            application: Any = LeavingConsumer.as_asgi()

            @rule()
            def says(self) -> None:
                self.connect(name="ann").send_json("task")

        with self.assertWarns(ChannelsTestkitWarning) as caught:
            warnings.simplefilter("default")
            self.assertEqual(run_machine(Leaking).texts, [])
        self.assertEqual(caught.filename, __file__)
        self.assertIn("Leaking", str(caught.warning))

    def test_a_second_failure_is_told_with_the_first(self) -> None:
        class Twice(Machine):
            application: Any = LeavingConsumer.as_asgi()

            @rule()
            def says(self) -> None:
                self.connect(name="ann").send_json("fail")
                self.fail("first")

        error = self.assertFails(Twice, "state.says()", "state.teardown()")
        self.assertEqual(str(error).partition("\n")[0], "first")
        self.assertIn(
            "At the end of the example: LookupError: asked for", told_with(error)
        )

    def test_two_assertions_are_two_failures_to_hypothesis(self) -> None:
        class Both(Machine):
            @rule(number=st.integers(0, 9))
            def is_small(self, number: int) -> None:
                if number == 7:
                    self.fail("seven")
                self.assertLess(number, 4)

        (error,) = run_machine(Both, settings(FEW, max_examples=50)).raised
        told = str(getattr(error, "exceptions", [error]))
        self.assertIn("seven", told)
        self.assertIn("4 not less than 4", told)

    def test_what_cannot_be_repeated_says_where_to_look(self) -> None:
        known: set[int] = set()

        class Remembering(Machine):
            @rule(number=st.integers(0, 9))
            def is_new(self, number: int) -> None:
                if number > 4 and not known:
                    known.add(number)
                    self.fail("asked for")

        (error,) = run_machine(Remembering).raised
        self.assertIsInstance(error, Flaky)
        self.assertIn("Reset it in setUp().", told_with(error))

    def test_assumptions_and_discarded_examples_fail_nothing(self) -> None:
        class Assuming(Machine):
            application: Any = LeavingConsumer.as_asgi()
            check_leaks = "fail"

            @rule(number=st.integers(0, 9))
            def assumes(self, number: int) -> None:
                self.connect().send_json("fail" if number > 4 else "hello")
                assume(number <= 4)

        self.assertPasses(Assuming)

    def test_rules_may_be_async(self) -> None:
        class Async(Machine):
            clients: Bundle[Any] = Bundle("clients")
            count = 0

            @initialize(target=clients)
            async def comes(self) -> Any:
                return multiple(await self.aconnect())

            @rule(client=clients, number=st.integers(0, 1000))
            async def says(self, client: Any, number: int) -> None:
                await client.send_json_to(number)
                self.assertEqual(await client.receive_json_from(), number)
                self.count += 1

            @rule()
            def is_plain(self) -> None:
                self.assertEqual(self.connect(), self.connect_again())

            def connect_again(self) -> Any:
                return mock.ANY

            @precondition(lambda self: self.count > 1)
            @invariant()
            async def counts(self) -> None:
                self.assertLess(self.count, 3)

        error = self.assertFails(Async, "(clients_0,) = state.comes()", "state.says(")
        self.assertIn("3 not less than 3", str(error))

    def test_setup_and_teardown_are_those_of_a_test_case(self) -> None:
        log: list[str] = []

        class Steps(Machine):
            def setUp(self) -> None:
                super().setUp()
                self.addCleanup(log.append, "clean-up")
                log.append("setUp")

            async def asyncSetUp(self) -> None:
                log.append("asyncSetUp")

            def __init__(self) -> None:
                super().__init__()
                log.append("init")

            @rule()
            def step(self) -> None:
                log.append("rule")

            async def teardown(self) -> None:  # type: ignore[override]
                await (await self.aconnect()).disconnect()
                log.append("teardown")

            def tearDown(self) -> None:
                log.append("tearDown")

        self.assertEqual(run_machine(Steps, settings(FEW, max_examples=1)).texts, [])
        self.assertEqual(
            [it for it in log if it != "rule"],
            ["setUp", "asyncSetUp", "init", "teardown", "tearDown", "clean-up"],
        )

    def test_a_failing_setup_or_init_leaves_nothing(self) -> None:
        class Failing(Machine):
            def setUp(self) -> None:
                Note.objects.create(text="tea")
                raise LookupError("asked for")

            @rule()
            def step(self) -> None:
                """Is never called."""

        class FailingInit(Machine):
            def __init__(self) -> None:
                super().__init__()
                Note.objects.create(text="tea")
                raise LookupError("asked for")

            @rule()
            def step(self) -> None:
                """Is never called."""

        for machine in (Failing, FailingInit):
            with self.subTest(machine.__name__):
                (error,) = run_machine(machine).raised
                self.assertIsInstance(error, LookupError)

    def test_an_interrupt_leaves_nothing(self) -> None:
        class Interrupted(Machine):
            @rule()
            def step(self) -> None:
                Note.objects.create(text="tea")
                self.connect()
                raise KeyboardInterrupt

        self.assertInterrupts(Interrupted)

    def test_a_skip_skips_the_machine(self) -> None:
        class Skipping(Machine):
            @rule()
            def step(self) -> None:
                self.connect()
                self.skipTest("not here")

        result = run_machine(Skipping)
        self.assertEqual(result.texts, [])
        self.assertEqual([reason for _, reason in result.skipped], ["not here"])

    def test_time_is_virtual_where_the_class_says_so(self) -> None:
        class Waiting(Machine):
            use_virtual_time = True

            @initialize()
            def begins(self) -> None:
                self.assertEqual(self.clock.now, 0)

            @rule()
            def waits(self) -> None:
                self.advance(3600)

        self.assertPasses(Waiting)

    def test_callbacks_run_on_commit(self) -> None:
        class Committing(Machine):
            application: Any = application
            ws_path = "/ws/room/1/"

            @rule()
            def commits(self) -> None:
                ann = self.connect()
                message = {"type": "room.message", "content": "hello"}
                with transaction.atomic():
                    transaction.on_commit(lambda: Group("room-1").send(message))
                    self.assertReceivesNothing(ann)
                self.assertReceivesJson(ann, "hello")

        self.assertPasses(Committing)

    def test_settings_and_tags_of_the_machine_hold(self) -> None:
        @tag("slow")
        @settings(FEW)
        @override_settings(LANGUAGE_CODE="de")
        class Tagged(Machine):
            @rule()
            def sees_settings(self) -> None:
                from django.conf import settings as of_django

                self.assertEqual(of_django.LANGUAGE_CODE, "de")

        self.assertPasses(Tagged)
        self.assertEqual(Tagged.TestCase.tags, {"slow"})
        self.assertEqual(Tagged.TestCase.databases, Machine.databases)

    def test_the_decorator_of_hypothesis_sets_the_settings(self) -> None:
        given = settings(FEW, max_examples=3)

        @given
        class Decorated(Machine):
            @rule()
            def step(self) -> None:
                """Do nothing."""

        self.assertIs(Decorated.TestCase.settings, given)
        self.assertIsNot(Machine.TestCase.settings, given)

    def test_a_machine_is_not_explored(self) -> None:
        @explore_schedules()
        class Explored(Machine):
            @rule()
            def step(self) -> None:
                """Is never called."""

        (error,) = run_machine(Explored).raised
        self.assertIsInstance(error, ImproperlyConfigured)
        self.assertIn(
            "does not explore Explored: each example of a state machine", str(error)
        )

    def test_a_rule_is_not_explored(self) -> None:
        with self.assertRaisesRegex(ImproperlyConfigured, "does not explore Rule: "):

            class Rule(Machine):
                @rule()
                @explore_schedules()
                def step(self) -> None:
                    """Is never called."""

    def test_an_async_precondition_is_refused(self) -> None:
        async def has_room(machine: object) -> bool:
            raise NotImplementedError

        text = r"precondition of Conditional\.step\(\) is async"
        for decorator in (rule(), invariant()):
            with self.assertRaisesRegex(TypeError, text):

                class Conditional(Machine):
                    @precondition(has_room)  # type: ignore[arg-type]
                    @decorator
                    def step(self) -> None:
                        """Is never called."""

    def test_a_test_in_a_machine_is_refused(self) -> None:
        for decorator in (rule(), lambda it: it):
            with self.assertRaisesRegex(TypeError, r"Tested\.test_it\(\) is not run"):

                class Tested(Machine):
                    @decorator
                    def test_it(self) -> None:
                        """Is never called."""

    def test_a_machine_can_be_skipped(self) -> None:
        class Skipped(Machine):
            @classmethod
            def setUpClass(cls) -> None:
                raise NotImplementedError

            @rule()
            def step(self) -> None:
                """Is never called."""

        for skip in (
            unittest.skip("not now"),
            skipUnlessDBFeature("interprets_empty_strings_as_nulls"),
        ):
            machine = skip(settings(FEW)(type("Again", (Skipped,), {})))
            with self.subTest(skip):
                result = run_machine(machine)
                self.assertEqual(result.texts, [])
                self.assertEqual(len(result.skipped), 1)

    def test_a_machine_can_be_expected_to_fail(self) -> None:
        @unittest.expectedFailure
        class Failing(Machine):
            @rule()
            def step(self) -> None:
                self.fail("asked for")

        result = run_machine(Failing)
        self.assertEqual(result.texts, [])
        self.assertEqual(len(result.expectedFailures), 1)

    def test_a_machine_that_nothing_runs_is_refused(self) -> None:
        with self.assertRaisesRegex(RuntimeError, "write 'TestMachine = Machine.Test"):
            Machine()

    def test_a_rule_with_the_name_of_a_method_is_refused(self) -> None:
        with self.assertRaisesRegex(TypeError, r"Mixed\.connect\(\) is a step of a"):

            class Mixed(Machine):
                @rule()
                def connect(self) -> None:  # type: ignore[override]
                    """Is never called."""

        with self.assertRaisesRegex(TypeError, r"Run\.run\(\) is a step of a"):

            class Run(Machine):
                @invariant()
                def run(self) -> None:  # type: ignore[override]
                    """Is never called."""

    def test_what_is_handled_outside_fails_no_example(self) -> None:
        try:
            raise LookupError("handled")
        except LookupError:
            self.assertPasses(Chat)

    def test_an_interrupt_of_the_end_comes_out(self) -> None:
        class Interrupted(Machine):
            @rule()
            def step(self) -> None:
                raise ValueError("asked for")

            def teardown(self) -> None:
                raise KeyboardInterrupt

        self.assertInterrupts(Interrupted)

    def test_a_machine_without_rules_says_so(self) -> None:
        (error,) = run_machine(Machine).raised
        self.assertIn("defines no rules", str(error))

    def test_its_test_case_can_go_to_another_process(self) -> None:
        case = Chat.TestCase()
        self.assertEqual(pickle.loads(pickle.dumps(case)), case)

    def test_its_description_is_that_of_the_machine(self) -> None:
        class Described(Machine):
            """
            Tells who is here.

            And more.
            """

        told = [it.TestCase().shortDescription() for it in (Described, Chat)]
        self.assertEqual(told, ["Tells who is here.", None])

    def test_it_runs_under_all_runners(self) -> None:
        for arguments in (
            ("-m", "django", "test", "-v", "2", "chat_tests"),
            ("-m", "django", "test", "--parallel", "2", "chat_tests", "more_tests"),
            ("-m", "pytest", "-p", "no:randomly", "-v", "chat_tests.py"),
        ):
            with self.subTest(arguments):
                printed = run_python(*arguments, chat_tests=CHAT, more_tests=CHAT)
                self.assertIn("state.fails(number=3)", printed)
                self.assertIn("state = Failing()", printed)
                self.assertNotIn("Passing()", printed)
                self.assertIn("exit code 1", printed)
                self.assertNotIn("channels_testkit/hypothesis.py", printed)


class Chat(Machine):
    @rule()
    def step(self) -> None:
        """Do nothing."""


CHAT = """
    from hypothesis import settings, strategies as st
    from hypothesis.stateful import rule

    from channels_testkit.hypothesis import WebsocketStateMachine
    from tests.app.consumers import EchoConsumer
    from tests.app.models import Note
    from tests.machines import REPEATABLE

    class Passing(WebsocketStateMachine):
        application = EchoConsumer.as_asgi()

        @rule()
        def writes(self):
            ann = self.connect("/")
            ann.send_json(Note.objects.create(text="tea").text)
            self.assertReceivesJson(ann, "tea")

    class Failing(Passing):
        @rule(number=st.integers(0, 9))
        def fails(self, number):
            self.assertLess(number, 3)

    TestPassing = Passing.TestCase
    TestFailing = Failing.TestCase
    TestPassing.settings = TestFailing.settings = REPEATABLE
"""


class ImportTests(unittest.TestCase):
    def test_without_hypothesis_it_says_what_to_install(self) -> None:
        code = """
import sys
from django.conf import settings

settings.configure(INSTALLED_APPS=["channels"])
sys.modules["hypothesis"] = None
import channels_testkit.hypothesis
"""
        printed = run_python("-c", code)
        self.assertIn(
            "ImportError: channels_testkit.hypothesis needs Hypothesis: python -m pip"
            ' install "channels-testkit[hypothesis]".',
            printed,
        )
