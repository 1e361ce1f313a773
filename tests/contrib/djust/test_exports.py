from __future__ import annotations

import unittest

from channels_testkit.contrib import djust
from tests.completion import CompletionTestMixin


class CompletionTests(CompletionTestMixin, unittest.TestCase):
    modules = (djust,)
