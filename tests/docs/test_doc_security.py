"""What docs/topics/security.rst says of addresses, files and secrets."""

from __future__ import annotations

import os
import socket
import stat
import tempfile
import traceback
import unittest
from pathlib import Path
from unittest import mock
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.test import override_settings

from channels_testkit import RollbackLiveServerTestCase
from channels_testkit.live.databases import check_is_for_tests
from channels_testkit.redis import RedisServer, requires_redis
from channels_testkit.testcases.requirements import installed

from . import security
from .test_docs import page_of


class AddressTests(RollbackLiveServerTestCase):
    def test_only_this_machine_can_connect(self) -> None:
        address = urlsplit(self.live_server_url)
        self.assertEqual(address.hostname, "127.0.0.1")
        self.assertNotEqual(security.PublicTests.host, self.host)
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", address.port or 0))

    # docs:start other-host
    @override_settings(MIDDLEWARE=["django.middleware.common.CommonMiddleware"])
    def test_another_host_is_refused(self) -> None:
        request = Request(self.live_server_url, headers={"Host": "chat.example"})
        with self.assertRaises(HTTPError) as caught:
            urlopen(request)
        self.assertEqual(caught.exception.code, 400)
        # docs:end other-host

    def test_a_database_that_no_runner_made_is_refused(self) -> None:
        connection = connections["default"].copy()
        connection.settings_dict = {"NAME": "chat", "TEST": {}}
        with self.assertRaises(ImproperlyConfigured) as caught:
            check_is_for_tests(connection)
        printed = "".join(traceback.format_exception_only(caught.exception))
        self.assertEqual(printed, page_of("live-no-test-database", printed))


# docs:start media
class UploadTests(RollbackLiveServerTestCase):
    def setUp(self) -> None:
        media = tempfile.TemporaryDirectory()
        self.addCleanup(media.cleanup)
        settings = override_settings(MEDIA_ROOT=media.name)
        settings.enable()
        self.addCleanup(settings.disable)
        # docs:end media

    def test_media_files_need_no_login(self) -> None:
        from django.conf import settings

        Path(settings.MEDIA_ROOT, "cat.txt").write_text("meow")
        with override_settings(MEDIA_URL="/media/"):
            with urlopen(f"{self.live_server_url}/media/cat.txt") as response:
                self.assertEqual(response.read(), b"meow")


@requires_redis
class RedisTests(unittest.TestCase):
    def test_a_server_of_the_kit_has_a_socket_that_nobody_else_can_reach(self) -> None:
        with RedisServer.private() as server:
            path = Path(server.url.removeprefix("unix://"))
            self.assertTrue(stat.S_ISSOCK(path.stat().st_mode))
            self.assertEqual(stat.S_IMODE(path.parent.stat().st_mode), 0o700)


@unittest.skipUnless(installed("selenium"), "needs Selenium")
class EvidenceTests(unittest.TestCase):
    def test_a_temporary_folder_is_the_users_own(self) -> None:
        from channels_testkit.browser.evidence import EVIDENCE, save_evidence

        with mock.patch.dict(os.environ):
            os.environ.pop(EVIDENCE, None)
            folder = save_evidence([], "chat.RoomTests.test_it", None)
        self.assertEqual(folder.name, "chat.RoomTests.test_it")
        self.assertEqual(stat.S_IMODE(folder.parent.stat().st_mode), 0o700)
