"""A folder with a diagram of each test that failed."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

FOLDER = "CHANNELS_TESTKIT_TIMELINES"
_MOST = 150
# A test may change it.
_WORKING_DIRECTORY = Path.cwd()


def file_of(test: str) -> Path | None:
    """Return where the diagram of a test goes, if one is asked for."""
    folder = os.environ.get(FOLDER)
    return _WORKING_DIRECTORY / folder / safe_name(test) if folder else None


def safe_name(test: str) -> str:
    """Return a file name that no other test has, on any file system."""
    safe = re.sub(r"[^\w.-]+", "_", test, flags=re.ASCII)[:_MOST].lstrip(".-")
    if safe != test:
        digest = hashlib.sha256(test.encode("utf-8", "surrogatepass")).hexdigest()
        safe = f"{safe}-{digest[:8]}"
    return f"{safe}.html"
