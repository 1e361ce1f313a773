"""Running inner tests of pages, on a machine that may have no browser."""

from __future__ import annotations

from channels_testkit.browser.chromium import find_programs
from tests.utils import OuterTestCase


class BrowserOuterTestCase(OuterTestCase):
    """What runs inner tests of pages, and is skipped where they would be."""

    @classmethod
    def setUpClass(cls) -> None:
        find_programs()
        super().setUpClass()
