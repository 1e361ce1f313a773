"""
The command that makes the source distribution, which setup.cfg names.

By itself, setuptools leaves out the pages and most of the tests.
"""

from __future__ import annotations

from setuptools.command.sdist import sdist

DIRECTORIES = (".ci", "channels_testkit", "docs", "tests")
FILES = (".editorconfig", ".gitignore", "*.rst", "LICENSE", "*.cfg", "*.ini", "*.toml")
#: What programs leave there, as in .gitignore.
LEFT = ("*.py[cod]", "*.sqlite3", ".coverage", ".coverage.*")
LEFT_DIRECTORIES = (
    *("__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".tox", ".venv"),
    "_build",
)


class Sdist(sdist):
    """Adds the tests, the pages and the files that run and check them."""

    def make_distribution(self) -> None:
        found = self.filelist
        for directory in DIRECTORIES:
            found.graft(directory)
        for pattern in FILES:
            found.include(pattern)
        for pattern in (*LEFT, *(f"{name}/**" for name in LEFT_DIRECTORIES)):
            found.global_exclude(pattern)
        found.sort()
        found.remove_duplicates()
        super().make_distribution()
