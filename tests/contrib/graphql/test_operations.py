"""Operations, what is expected of them, and the log of resolvers."""

from __future__ import annotations

import logging

from channels_testkit.contrib.graphql import GraphQLTestCase


class OperationTests(GraphQLTestCase):
    def test_the_log_is_as_it_was(self):
        self.execute("{ me }")
        self.assertEqual(logging.getLogger("strawberry.execution").handlers, [])
        with self.assertLogs("strawberry.execution") as logs:
            with self.assertRaises(AssertionError) as caught:
                self.execute("{ broken }")
        self.assertEqual(str(caught.exception.__cause__), "not a member")
        self.assertEqual(len(logs.records), 1)
