from __future__ import annotations

import unittest

from channels_testkit.contrib import graphql
from tests.completion import CompletionTestMixin


class CompletionTests(CompletionTestMixin, unittest.TestCase):
    modules = (graphql,)
