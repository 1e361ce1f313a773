"""
Tests of ``channels_testkit.contrib``, a Django project for each framework.

Each project is run by itself, with its own settings, where its framework is
there::

    python -m django test tests.contrib.liveview \
        --settings=tests.contrib.liveview.settings
"""

from __future__ import annotations

import unittest  # noqa: TC003 - Python looks for load_tests() here


def load_tests(
    loader: unittest.TestLoader, tests: object, pattern: object
) -> unittest.TestSuite:
    """Keep the projects out of the suite of the package."""
    return loader.loadTestsFromName("tests.contrib.test_pages")
