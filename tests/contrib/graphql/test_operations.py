"""Operations, what is expected of them, and the log of resolvers."""

from __future__ import annotations

import logging

from channels_testkit.contrib.graphql import GraphQLTestCase


class OperationTests(GraphQLTestCase):
    def test_no_errors_are_expected_by_an_empty_list(self):
        sub = self.subscribe("subscription { count(to: 2) }")
        sub.assert_next({"count": 1}, errors=[])
        with self.assertRaisesRegex(AssertionError, "has no errors"):
            sub.assert_next({"count": 2}, errors="not a member")
        result = self.subscribe("{ broken }")
        with self.assertRaisesRegex(
            AssertionError, "the expected ones: 'not a member'"
        ):
            result.assert_next(errors=[])

    def test_a_subscription_that_is_executed_with_several_results(self):
        with self.assertRaises(AssertionError) as caught:
            self.execute("subscription { count(to: 2) }")
        self.assertIn("for a subscription, write subscribe().", str(caught.exception))
        self.assertNotIn("assert_next()", str(caught.exception))

    def test_names(self):
        for query, name in [
            ("# a query of ann\nsubscription Count { count(to: 1) }", "Count"),
            ("fragment F on Query { me } query Me { ...F }", "Me"),
            ("{ me, query users }", None),
            ("subscription ($to: Int!) { count(to: $to) }", None),
        ]:
            with self.subTest(query):
                self.assertEqual(self.subscribe(query).name, name)

    def test_the_log_is_as_it_was(self):
        self.execute("{ me }")
        self.assertEqual(logging.getLogger("strawberry.execution").handlers, [])
        with self.assertLogs("strawberry.execution") as logs:
            with self.assertRaises(AssertionError) as caught:
                self.execute("{ broken }")
        self.assertEqual(str(caught.exception.__cause__), "not a member")
        self.assertEqual(len(logs.records), 1)
