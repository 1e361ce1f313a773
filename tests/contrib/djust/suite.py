"""
Runs djust's own tests of its test client, with one import changed.

``python -m tests.contrib.djust.suite`` takes the tests that the installed
djust brings; ``--own`` leaves the import as it is. One test reads djust's Rust
sources, which are not installed: ``--sources`` is an unpacked sdist. Other
arguments are pytest's.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[3]
USES = ("LiveViewTestClient", "djust.testing")
THEIRS = "from djust.testing import"
OURS = "from channels_testkit.contrib.djust import"


def suite_in(folder: Path, *, own: bool) -> list[str]:
    """Copy djust into a folder; return its tests that use the client."""
    spec = find_spec("djust")
    package = folder / "python" / "djust"
    shutil.copytree(Path(spec.origin).parent, package)
    paths = []
    for path in sorted(package.glob("tests/*.py")):
        text = path.read_text()
        if any(name in text for name in USES):
            paths.append(str(path))
            if not own:
                path.write_text(text.replace(THEIRS, OURS))
    return paths


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--own", action="store_true")
    parser.add_argument("--sources", type=Path)
    options, others = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = suite_in(folder, own=options.own)
        if options.sources:
            (folder / "crates").symlink_to(options.sources.resolve() / "crates")
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        command += ["-o", "asyncio_mode=auto", "--rootdir", name, *paths, *others]
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.contrib.djust.suite_settings",
            "PYTHONPATH": os.pathsep.join([str(folder / "python"), str(ROOT)]),
        }
        return subprocess.run(
            command, env=environment, cwd=name, check=False
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
