"""
The pictures of the pages: ``python -m tests.docs.images`` takes them anew.

Each file holds the text that its picture shows, without what differs by run.
``test_images`` compares this text, not the pixels.
A folder after the command gets the pictures in the place of docs/images.
"""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from .png import with_text
from .printed import CHAT, ROOT, chat_variables, first_failure, without_numbers

IMAGES = ROOT / "docs" / "images"
COMMAND = "python -m tests.docs.images"
EVIDENCE = "tests.docs.pictured.RoomTests.test_a_morning"

TERMINAL = """<!DOCTYPE html>
<meta charset="utf-8">
<title>Terminal</title>
<style>
body { margin: 0; background: #1b1f24; }
pre {
  height: 648px;
  margin: 16px 20px;
  overflow: hidden;
  color: #e6e8eb;
  font: 14px/18px "DejaVu Sans Mono", Menlo, Consolas, monospace;
  white-space: pre-wrap;
  overflow-wrap: anywhere;
  mask-image: linear-gradient(to bottom, black 560px, transparent 640px);
}
</style>
<pre>
$ python manage.py test chat.tests.test_first -k ann_says
%s</pre>
"""


def terminal_page(printed: str) -> str:
    """Return a page that shows what a command printed."""
    return TERMINAL % html.escape(printed, quote=False)


def failure_source() -> str:
    printed = re.sub(r"in [\d.]+s\n", "in #s\n", readers_terminal())
    return terminal_page(without_numbers(printed))


def readers_terminal() -> str:
    """Return the first failure as in the home directory of a reader."""
    return first_failure().replace(str(CHAT), "/home/ann/chat")


def timeline_source(folder: Path) -> str:
    """Return a diagram without times, session keys and SQL."""
    page = (folder / "timeline.html").read_text()
    pattern = r'(?<=id="timeline">).*?(?=</script>)'
    return re.sub(pattern, _story, page, flags=re.DOTALL)


def _story(found: re.Match[str]) -> str:
    story = json.loads(found[0])
    for event in story["events"]:
        del event["at"]
        if event["kind"] != "message":  # one of these is chosen in the picture
            del event["detail"]
    text = json.dumps(story, indent=1)
    text = re.sub(r"'login\.\w+'", "'login...'", text)
    return re.sub(r"\.py:\d+", ".py:#", text)


def room_source(folder: Path) -> str:
    """Return a page as its script left it, and its style sheet."""
    page = (folder / EVIDENCE / "page.html").read_text()
    page = re.sub(r'(?<=csrfmiddlewaretoken" value=")\w+', "...", page)
    style = CHAT / "chat" / "static" / "chat" / "style.css"
    return page.replace("\u202f", " ") + style.read_text()  # before AM, by version


def run(folder: Path, *classes: str) -> None:
    """Run classes of ``tests.docs.pictured``, which write to the folder."""
    labels = [f"tests.docs.pictured.{name}" for name in classes]
    ended = subprocess.run(
        [sys.executable, "-m", "django", "test", "--verbosity=0", *labels],
        cwd=CHAT,
        env={
            **chat_variables(),
            "CHANNELS_TESTKIT_EVIDENCE": str(folder),
            "CHANNELS_TESTKIT_REQUIRE": "browser",
            "PICTURES": str(folder),
            "TZ": "UTC",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise RuntimeError(ended.stdout)


def take(images: Path) -> None:
    """Take each picture."""
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        (folder / "failure.html").write_text(terminal_page(readers_terminal()))
        run(folder, "TimelineTests")
        run(folder, "DrawingTests", "RoomTests")
        shutil.copy(folder / EVIDENCE / "screenshot.png", folder / "chat.png")
        for name, source in {
            "chat": room_source(folder),
            "failure": failure_source(),
            "timeline": timeline_source(folder),
        }.items():
            png = (folder / f"{name}.png").read_bytes()
            (images / f"{name}.png").write_bytes(with_text(png, source))


if __name__ == "__main__":
    take(Path(*sys.argv[1:] or [IMAGES]))
