"""
Tests of ``channels_testkit.contrib``, a Django project for each framework.

Each is run by itself, with its own settings, where its framework is there::

    python -m django test tests.contrib.liveview \
        --settings=tests.contrib.liveview.settings
"""

from __future__ import annotations

import unittest


def load_tests(loader: object, tests: object, pattern: object) -> unittest.TestSuite:
    """Keep the projects out of the suite of the package."""
    return unittest.TestSuite()
