"""
Tests of GraphQL subscriptions, with whatever server the project has.

It speaks ``graphql-transport-ws`` and the older ``graphql-ws``, and needs no
package of GraphQL.
"""

from __future__ import annotations

from .client import GraphQLClient, Subscription
from .results import GraphQLResult
from .testcases import GraphQLTestCase, GraphQLTestMixin

__all__ = [
    "GraphQLClient",
    "GraphQLResult",
    "GraphQLTestCase",
    "GraphQLTestMixin",
    "Subscription",
]
