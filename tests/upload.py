"""
Check what an upload would hold: ``python -m tests.upload DIRECTORY``.

The directory has the wheel and the source distribution. Each is installed or
unpacked elsewhere, and used there.
"""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

from trove_classifiers import classifiers as known_classifiers

ROOT = Path(__file__).resolve().parent.parent
#: Some of the suite that needs nothing of the group "test".
ROOMS = ("tests.routing", "tests.http", "tests.test_house", "tests.test_packaging")
#: What Python runs where only the package and what it requires is installed.
WITHOUT_EXTRAS = """
import sys

import channels_testkit

assert not {"django", "channels"} & sys.modules.keys(), "Django is imported."

import django
from django.conf import settings

settings.configure(INSTALLED_APPS=["channels"])
django.setup()
for name in channels_testkit.__all__:
    getattr(channels_testkit, name)
import channels_testkit.browser, channels_testkit.redis
optional = {"channels_redis", "daphne", "hypothesis", "pytest", "selenium", "uvicorn"}
assert not optional & sys.modules.keys(), sys.modules.keys()

import importlib

for module, extra in [("hypothesis", "hypothesis"), ("live.daphne", "live")]:
    try:
        importlib.import_module(f"channels_testkit.{module}")
    except ImportError as error:
        assert f'pip install "channels-testkit[{extra}]"' in str(error), error
    else:
        raise AssertionError(module)
"""
#: What it runs after the extras have been installed.
WITH_EXTRAS = """
import django
from django.conf import settings

settings.configure(INSTALLED_APPS=["channels"])
django.setup()
import channels_redis, jsonschema, selenium, time_machine, websocket, websockets
from channels_testkit import LiveServerTestCase
from channels_testkit.browser import BrowserTestCase
from channels_testkit.hypothesis import WebsocketStateMachine
from channels_testkit.live.daphne import DaphneServer
from channels_testkit.live.uvicorn import UvicornServer
from channels_testkit.redis import RedisLayerTestCase
"""


def check_wheel(wheel: Path, files: set[str]) -> None:
    """Raise ``AssertionError`` unless it has the files of the package only."""
    names = set(zipfile.ZipFile(wheel).namelist())
    expected = {name for name in files if name.startswith("channels_testkit/")}
    found = {name for name in names if ".dist-info/" not in name}
    assert found == expected, f"In one of wheel and git: {found ^ expected}"


def check_source(source: Path, files: set[str]) -> None:
    """Raise ``AssertionError`` unless it has each file of the repository."""
    with tarfile.open(source) as archive:
        names = {it.name.partition("/")[2] for it in archive if it.isfile()}
    found = {name for name in names if ".egg-info/" not in name} - {"PKG-INFO"}
    assert found == files, f"In one of sdist and git: {found ^ files}"


def files_of_repository() -> set[str]:
    """Return the paths that git knows."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return {name for name in listed.stdout.split("\0") if name}


def run(directory: Path, *words: str) -> None:
    """Run the Python of the new environment, in the current directory."""
    print("$ python", *(word for word in words if "\n" not in word), flush=True)
    python = directory / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    others = ("PYTHON", "CHANNELS_TESTKIT_")
    variables = {k: v for k, v in os.environ.items() if not k.startswith(others)}
    subprocess.run([python, *words], env=variables, check=True)


def main(built: Path) -> None:
    (wheel,), (source,) = built.glob("*.whl"), built.glob("*.tar.gz")
    files = files_of_repository()
    check_wheel(wheel, files)
    check_source(source, files)
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    unknown = set(setup["metadata"]["classifiers"].split("\n")[1:]) - known_classifiers
    assert not unknown, sorted(unknown)
    extras = ",".join(setup["options.extras_require"])
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary).resolve()
        venv.create(directory / "venv", with_pip=True)
        with tarfile.open(source) as archive:
            archive.extractall(directory, filter="data")
        os.chdir(directory)
        run(directory, "-m", "pip", "install", "-q", str(wheel))
        run(directory, "-m", "pip", "check")
        run(directory, "-W", "error", "-c", WITHOUT_EXTRAS)
        os.chdir(directory / source.name.removesuffix(".tar.gz"))
        one_run = ("--database", "sqlite-memory", "--runner", "django")
        run(directory, "-m", "tests", *one_run, *ROOMS)
        os.chdir("docs/examples/chat")
        run(directory, "manage.py", "test")
        os.chdir(directory)
        run(directory, "-m", "pip", "install", "-q", f"{wheel}[{extras}]")
        run(directory, "-m", "pip", "check")
        run(directory, "-c", WITH_EXTRAS)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
