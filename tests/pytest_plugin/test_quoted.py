"""What the documentation quotes of pytest works."""

from __future__ import annotations

from pathlib import Path

from .inner import PytestCase, needs

QUOTED = Path(__file__).with_name("quoted.py")


@needs("pytest_django", "pytest_asyncio", "daphne")
class QuotedTests(PytestCase):
    def test_functions(self) -> None:
        ended = self.pytest(QUOTED.read_text())
        self.assert_outcomes(ended, passed=9)
