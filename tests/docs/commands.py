"""Commands that pages show: whether they can be typed."""

from __future__ import annotations

import configparser
import functools
import re
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from django.core.management.commands.test import Command

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs" / "topics"
#: What may come after ``python -m pip install``, besides extras of the kit.
PACKAGES = {"django-stubs", "mypy", "pyright", "tblib", "types-channels"}


def commands_of(page: Path) -> list[str]:
    """Return the lines of the console blocks of a page."""
    blocks = re.findall(
        r"^( *)\.\. code-block:: console\n\n((?:\1 +.*\n|\n)+)",
        page.read_text(),
        re.MULTILINE,
    )
    lines = "".join(textwrap.dedent(block) for _, block in blocks).splitlines()
    return [line.strip() for line in lines if line.strip()]


def check_command(line: str) -> None:
    """Raise ``AssertionError`` for what could not be typed."""
    for command in line.split(" && "):
        _check_words(shlex.split(command, comments=True))


def _check_words(words: list[str]) -> None:
    if words[0] == "while":
        words = words[1 : words.index("do")]
        words[-1] = words[-1].rstrip(";")
    while "=" in words[0]:
        check_variable(words.pop(0).partition("=")[0])
    if words[0] == "apt-get":
        _check_apt_get(words[1:])
        return
    assert words.pop(0) == "python", words
    while words[0] == "-X":
        del words[:2]
    program = words.pop(1) if words[0] == "-m" else words[0]
    CHECKS[program](words[1:])


def check_variable(name: str) -> None:
    """Raise ``AssertionError`` for a variable that nobody reads."""
    package = ROOT / "channels_testkit"
    read = any(f'"{name}"' in path.read_text() for path in package.rglob("*.py"))
    assert read, name


def _check_django_test(words: list[str]) -> None:
    assert words.pop(0) == "test"
    parser = Command().create_parser("manage.py", "test")
    for label in parser.parse_args(words).args:
        _check_label(label)


def _check_label(label: str) -> None:
    path = ROOT / "docs" / "examples" / "chat" / label.replace(".", "/")
    assert path.is_dir() or path.with_suffix(".py").is_file(), label


def _check_pytest(words: list[str]) -> None:
    for word in words:
        if word.startswith("-"):
            assert word.partition("=")[0] in _options_of_pytest(), word
        elif not word.isdigit() and word != "auto":
            assert (ROOT / "docs" / "examples" / "chat" / word).exists(), word


@functools.cache
def _options_of_pytest() -> set[str]:
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", ended.stdout))


def _check_pip(words: list[str]) -> None:
    assert words.pop(0) == "install"
    for word in words:
        kit = re.fullmatch(r"channels-testkit(?:\[(.*)\])?", word)
        if kit is None:
            assert word in PACKAGES or word in ("-r", "requirements.txt"), word
            continue
        for extra in (kit[1] or "").split(","):
            assert not extra or extra in extras(), word


def _check_apt_get(words: list[str]) -> None:
    source = ROOT / "channels_testkit" / "browser" / "chromium.py"
    if words[0] == "install":
        for package in words[2:]:
            assert f'package="{package}"' in source.read_text(), package
    else:
        assert words == ["update", "-q"], words


def extras() -> set[str]:
    """Return the extras of the kit."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    return set(setup["options.extras_require"])


def _check_coverage(words: list[str]) -> None:
    kinds = {"run", "combine", "report", "html"}
    assert words.pop(0) in kinds
    while words and words[0].startswith("--"):
        words.pop(0)
    if words:
        assert words.pop(0) == "manage.py"
        _check_django_test(words)


def _check_types(words: list[str]) -> None:
    assert not any(word.startswith("-") for word in words)


CHECKS: dict[str, Callable[[list[str]], None]] = {
    "coverage": _check_coverage,
    "manage.py": _check_django_test,
    "mypy": _check_types,
    "pip": _check_pip,
    "pyright": _check_types,
    "pytest": _check_pytest,
}
