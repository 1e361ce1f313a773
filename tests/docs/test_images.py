"""The pictures of the pages show what there is to be seen today."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from channels_testkit.browser.chromium import find_programs
from tests.utils import starts_programs

from . import images
from .png import text_of, with_text
from .test_docs import DOCS, pages

PNG = (images.IMAGES / "failure.png").read_bytes()
#: Of what shows names of tests and functions.
shows_names = unittest.skipIf(
    sys.version_info < (3, 11), "Python 3.10 knows shorter names"
)


@starts_programs
class UpToDateTests(unittest.TestCase):
    maxDiff = None

    def assert_shows(self, name: str, source: str):
        shown = text_of((images.IMAGES / f"{name}.png").read_bytes())
        hint = f"{name}.png is of another day: {images.COMMAND} takes it anew."
        self.assertEqual(shown, source, hint)

    @shows_names
    def test_failure_in_a_terminal(self):
        self.assert_shows("failure", images.failure_source())

    @shows_names
    def test_timeline(self):
        with tempfile.TemporaryDirectory() as directory:
            images.run(Path(directory), "TimelineTests")
            self.assert_shows("timeline", images.timeline_source(Path(directory)))

    def test_room_in_a_browser(self):
        find_programs()
        with tempfile.TemporaryDirectory() as directory:
            taken = Path(directory)
            command = [sys.executable, *shlex.split(images.COMMAND)[1:], directory]
            subprocess.run(command, cwd=images.ROOT, check=True)
            names = {path.name for path in images.IMAGES.glob("*.png")}
            self.assertEqual({path.name for path in taken.iterdir()}, names)
            self.assert_shows("chat", text_of((taken / "chat.png").read_bytes()))

    def test_an_error_is_raised(self):
        with self.assertRaisesRegex(RuntimeError, "NoTests"):
            images.run(Path("/nowhere"), "NoTests")


class TextTests(unittest.TestCase):
    def test_a_text_takes_the_place_of_another(self):
        longer = with_text(with_text(PNG, "one"), "two \u2192 three")
        self.assertEqual(text_of(longer), "two \u2192 three")
        self.assertEqual(with_text(longer, text_of(PNG)), PNG)


class AlternativeTests(unittest.TestCase):
    def test_each_picture_is_shown_and_described(self):
        shown = set()
        for page in pages():
            for path, alt in re.findall(
                r"^ *\.\. image:: (\S+)\n(?: +:(?!alt:).*\n)* +:alt: (.*)",
                page.read_text(),
                re.MULTILINE,
            ):
                shown.add((page.parent / path).resolve())
                self.assertGreater(len(alt), 40, page)
        self.assertEqual(shown, set((DOCS / "images").glob("*.png")))
