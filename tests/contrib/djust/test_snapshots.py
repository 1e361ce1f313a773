"""Rendered pages compared with files."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from unittest import mock

from channels_testkit import ChannelTestCase
from channels_testkit.contrib.djust import LiveViewTestClient, SnapshotTestMixin

from .views import Counter

UPDATE = "CHANNELS_TESTKIT_UPDATE_SNAPSHOTS"


# docs:start djust-snapshot
class CounterPageTests(SnapshotTestMixin, ChannelTestCase):
    def test_the_page_of_the_counter(self):
        client = LiveViewTestClient(Counter).mount(count=3)
        self.assert_html_snapshot("counter", client.render())

    # docs:end djust-snapshot


class SnapshotTests(SnapshotTestMixin, ChannelTestCase):
    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.snapshot_dir = folder.name
        patch = mock.patch.dict(os.environ)
        patch.start()
        self.addCleanup(patch.stop)
        os.environ.pop(UPDATE, None)

    def test_missing_snapshot_fails_and_is_not_written(self):
        with self.assertRaises(AssertionError) as caught:
            self.assert_snapshot("page", "<p>1</p>")
        self.assertEqual(
            str(caught.exception),
            f"There is no snapshot 'page'. To write it, set {UPDATE}=1.\n\n<p>1</p>",
        )
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_update_writes_it(self):
        os.environ[UPDATE] = "1"
        self.assert_snapshot("pages/one", "<p>1</p>")
        del os.environ[UPDATE]
        self.assert_snapshot("pages/one", "<p>1</p>")
        stored = (self.folder / "pages" / "one.snapshot").read_text()
        self.assertEqual(stored, "<p>1</p>")

    def test_attribute_of_the_class_writes_it(self):
        self.update_snapshots = True
        self.assert_snapshot("page", "1")
        self.assertEqual((self.folder / "page.snapshot").read_text(), "1")

    def test_difference_fails_and_is_shown(self):
        (self.folder / "page.snapshot").write_text("<p>1</p>\n<p>2</p>\n")
        with self.assertRaises(AssertionError) as caught:
            self.assert_snapshot("page", "<p>1</p>\n<p>3</p>\n")
        self.assertEqual(
            str(caught.exception),
            f"Snapshot 'page' differs. To update it, set {UPDATE}=1.\n\n"
            "--- snapshot\n+++ page\n@@ -1,2 +1,2 @@\n <p>1</p>\n-<p>2</p>\n+<p>3</p>",
        )

    def test_white_space_and_comments_of_html_do_not_matter(self):
        self.update_snapshots = True
        self.assert_html_snapshot("page", "<p>a  b</p>\n\n <!-- x -->\n<p>c</p>")
        self.update_snapshots = False
        self.assert_html_snapshot("page", "<p>a b</p><p>c</p>")
        stored = (self.folder / "page.html.snapshot").read_text()
        self.assertEqual(stored, "<p>a b</p>\n<p>c</p>")

    def test_name_cannot_leave_the_folder(self):
        self.update_snapshots = True
        outside = tempfile.gettempdir()
        for name in ("../page", f"{outside}/page", "", "a/../../page"):
            with self.subTest(name), self.assertRaisesMessage(ValueError, "is not in"):
                self.assert_snapshot(name, "1")
