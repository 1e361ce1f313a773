"""Live tests of whole projects, as a runner runs them."""

from __future__ import annotations

import unittest
from importlib.util import find_spec

from tests.utils import run_python, starts_programs

SETTINGS = """
    from pathlib import Path

    HERE = Path(__file__).parent
    SQLITE = {"ENGINE": "django.db.backends.sqlite3", "NAME": HERE / "real.sqlite3"}
    IN_FILE = {**SQLITE, "TEST": {"NAME": HERE / "tests.sqlite3"}}
    DATABASES = {"default": SQLITE, "archive": {**SQLITE}, "in_file": IN_FILE}
    INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth"]
    ASGI_APPLICATION = "project_asgi.application"
    ROOT_URLCONF = "project_urls"
    SECRET_KEY = "none"
    DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
"""
ASGI = """
    from channels.routing import ProtocolTypeRouter
    from django.core.asgi import get_asgi_application

    application = ProtocolTypeRouter({"http": get_asgi_application()})
"""
URLS = """
    from django.contrib.auth.models import Group
    from django.http import JsonResponse
    from django.urls import path

    ALIASES = ("default", "archive", "in_file")


    def count(request):
        return JsonResponse({a: Group.objects.using(a).count() for a in ALIASES})


    urlpatterns = [path("count/", count)]
"""
TESTS = """
    import json
    from urllib.request import urlopen

    from django.contrib.auth.models import Group

    from channels_testkit import LiveServerTestCase, RollbackLiveServerTestCase


    class Counting:
        databases = "__all__"

        def test_each_database_is_that_of_the_test(self):
            Group.objects.using("archive").create(name="archivists")
            for name in ("file", "rasp"):
                Group.objects.using("in_file").create(name=name)
            with urlopen(f"{self.live_server_url}/count/") as response:
                counts = json.load(response)
            self.assertEqual(counts, {"default": 0, "archive": 1, "in_file": 2})

        def test_once_more(self):
            self.test_each_database_is_that_of_the_test()


    class FirstTests(Counting, LiveServerTestCase):
        pass


    class SecondTests(Counting, LiveServerTestCase):
        pass


    class RollbackTests(Counting, RollbackLiveServerTestCase):
        pass
"""
PROJECT = {
    "project_settings": SETTINGS,
    "project_asgi": ASGI,
    "project_urls": URLS,
    "project_tests": TESTS,
}


@starts_programs
class ProjectTests(unittest.TestCase):
    def test_several_databases_in_several_processes(self):
        options = ["--settings=project_settings", "--parallel=2", "project_tests"]
        printed = run_python("-W", "error", "-m", "django", "test", *options, **PROJECT)
        self.assertIn("Ran 6 tests", printed)
        self.assertIn("exit code 0", printed)

    def test_processes_that_were_forked_have_a_daphne_each(self):
        program = """
            import os

            import daphne.server
            from twisted.internet import reactor

            from channels_testkit.live.daphne import DaphneServer
            from channels_testkit.live.serving import listening_socket

            loop_of_the_first = reactor._asyncioEventloop
            if not os.fork():
                server = DaphneServer(None, listening_socket("127.0.0.1", 0, "a child"))
                server.start()
                # What it shares with others would be woken in their stead.
                print("the same:", reactor._asyncioEventloop is loop_of_the_first)
                server.stop()
            else:
                os.wait()
        """
        printed = run_python("-m", "forking", forking=program)
        self.assertIn("the same: False", printed)

    @unittest.skipUnless(find_spec("uvloop"), "needs uvloop")
    def test_daphne_is_served_on_a_loop_that_can_be_watched(self):
        fast = """
            import asyncio

            import uvloop

            from project_settings import *

            asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
            INSTALLED_APPS = ["daphne", *INSTALLED_APPS]
        """
        options = ["--settings=fast_settings", "project_tests.FirstTests"]
        modules = {**PROJECT, "fast_settings": fast}
        printed = run_python("-m", "django", "test", *options, **modules)
        self.assertIn("Ran 2 tests", printed)
        self.assertIn("exit code 0", printed)

    def test_coverage_sees_what_the_server_runs(self):
        program = """
            import coverage
            import django
            from django.core.management import call_command

            measured = coverage.Coverage(data_file=None, include=["*project_urls.py"])
            with measured.collect():
                django.setup()
                call_command("test", "project_tests.FirstTests", verbosity=0)
            _, _, missing, _ = measured.analysis("project_urls.py")
            print("missing lines:", missing)
        """
        modules = {**PROJECT, "measuring": program}
        printed = run_python(
            "-c",
            "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'project_settings';"
            " import measuring",
            **modules,
        )
        self.assertIn("missing lines: []", printed)
