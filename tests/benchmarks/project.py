"""
The figures of one database, in the process that this module runs.

``CHANNELS_TESTKIT_DATABASE`` names it. Those that need no database come with
the ones of SQLite.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from importlib.util import find_spec

import django
from django.test.runner import DiscoverRunner
from django.test.utils import setup_test_environment

#: These need Python 3.11.
OF_FRAMEWORKS = {"chanx": "chanx_test", "djust": "djust_event"}


def main() -> None:
    django.setup()
    # These import models.
    from . import (
        broadcast,
        crowd,
        imports,
        live_server,
        live_test,
        one_call,
        one_test,
        schedules,
        virtual_time,
    )

    smoke = "--smoke" in sys.argv
    database = os.environ["CHANNELS_TESTKIT_DATABASE"]
    setup_test_environment()
    runner = DiscoverRunner(verbosity=0, interactive=False)
    databases = runner.setup_databases()
    try:
        one_test.measure(database, smoke=smoke)
        for framework, module in OF_FRAMEWORKS.items():
            if find_spec(framework):
                found = import_module(f".{module}", __package__)
                found.measure(database, smoke=smoke)
        live_server.measure(database, smoke=smoke)
        live_test.measure(database, smoke=smoke)
        if database == "sqlite-memory":
            one_call.measure(smoke=smoke)
            broadcast.measure(smoke=smoke)
            crowd.measure(smoke=smoke)
            virtual_time.measure(smoke=smoke)
            schedules.measure(smoke=smoke)
            imports.measure(smoke=smoke)
    finally:
        runner.teardown_databases(databases)


if __name__ == "__main__":
    main()
