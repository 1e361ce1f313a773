from __future__ import annotations

import unittest

from channels_testkit.testcases.requirements import installed
from tests.completion import CompletionTestMixin

browser = installed("channels_testkit.browser")


@unittest.skipUnless(browser, "needs Selenium (python -m pip install selenium)")
class CompletionTests(CompletionTestMixin, unittest.TestCase):
    modules = (browser,) if browser else ()
