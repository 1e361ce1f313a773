"""
Fragments of HTML that swap regions of a page, as htmx reads them.

Pure: no test, no connection, and no framework.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from itertools import accumulate
from typing import NamedTuple, TypeAlias

from django.utils.html import strip_tags

from channels_testkit.matching.wording import say

#: What a region may be asked to hold.
Wanted: TypeAlias = "str | re.Pattern[str] | None"

#: Elements that have no end tag.
_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta"}
_VOID |= {"source", "track", "wbr"}
_BEFORE_END = "beforeend:"
_OUTER_HTML = "outerHTML:"


class Region(NamedTuple):
    """What an element of the page holds: its markup, and its words."""

    id: str
    html: str

    @property
    def text(self) -> str:
        """The words as a reader sees them, with single spaces."""
        return " ".join(unescape(strip_tags(self.html)).split())

    @property
    def is_empty(self) -> bool:
        """Whether it holds nothing but space."""
        return not self.html.strip()

    def holds(self, wanted: Wanted) -> bool:
        """
        Tell whether something is in the markup, or words in the text.

        What has a ``<`` is looked for in the markup only.
        """
        if wanted is None:
            return True
        if isinstance(wanted, re.Pattern):
            return bool(wanted.search(self.html) or wanted.search(self.text))
        return wanted in self.html or ("<" not in wanted and wanted in self.text)


class Page:
    """
    The regions of a page, after the fragments that have been swapped in.

    It begins empty: what the server rendered before is not known.
    """

    def __init__(self) -> None:
        #: What each region holds now, by id.
        self.regions: dict[str, Region] = {}
        #: What each region has held, in order.
        self.history: defaultdict[str, list[Region]] = defaultdict(list)
        self._inside: defaultdict[str, set[str]] = defaultdict(set)

    def swap(self, fragment: str) -> None:
        """Swap in each element of a fragment that says where it goes."""
        for element in parse(fragment):
            where = element.attributes.get("hx-swap-oob")
            if where is None:
                continue
            if where.startswith(_BEFORE_END):
                self._append(_id_of(where, _BEFORE_END), element)
                continue
            if where.startswith(_OUTER_HTML):
                self._remove(_id_of(where, _OUTER_HTML))
            if element.id:
                self._remove(element.id)
                self._hold(element.id, element.html)
                self._hold_those_inside(element.id, element)

    def _append(self, name: str, element: Element) -> None:
        held = self.regions.get(name)
        self._hold(name, f"{held.html if held else ''}{element.html}")
        self._hold_those_inside(name, element)

    def _hold(self, name: str, html: str) -> None:
        self.regions[name] = Region(name, html)
        self.history[name].append(self.regions[name])

    def _hold_those_inside(self, name: str, element: Element) -> None:
        for child in element.children:
            if child.id:
                self._inside[name].add(child.id)
                self._hold(child.id, child.html)
            self._hold_those_inside(child.id or name, child)

    def _remove(self, name: str) -> None:
        self.regions.pop(name, None)
        for inner in self._inside.pop(name, set()):
            self._remove(inner)


def _id_of(where: str, prefix: str) -> str:
    return where.removeprefix(prefix).strip().removeprefix("#")


@dataclass
class Element:
    """An element of a fragment, with what is inside of it."""

    tag: str
    attributes: dict[str, str | None]
    html: str = ""
    children: list[Element] = field(default_factory=list)

    @property
    def id(self) -> str:
        """Its id, empty where it has none."""
        return self.attributes.get("id") or ""

    @property
    def classes(self) -> set[str]:
        """The names of its classes."""
        return set((self.attributes.get("class") or "").split())


def parse(fragment: str) -> list[Element]:
    """Return the elements of a fragment, the outermost ones."""
    parser = _Parser(fragment)
    parser.feed(fragment)
    parser.close()
    parser.end_all()
    return parser.elements


class _Parser(HTMLParser):
    """Keeps of each element the source of what is inside."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self._source = source
        self._lines = [0, *accumulate(len(line) + 1 for line in source.split("\n"))]
        self._open: list[tuple[Element, int]] = []

    def _position(self) -> int:
        line, offset = self.getpos()
        return self._lines[line - 1] + offset

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs))
        around = self._open[-1][0].children if self._open else self.elements
        around.append(element)
        if tag not in _VOID:
            start = self._position() + len(self.get_starttag_text() or "")
            self._open.append((element, start))

    def handle_endtag(self, tag: str) -> None:
        if any(element.tag == tag for element, _ in self._open):
            while self._end_innermost(self._position()).tag != tag:
                pass

    def _end_innermost(self, position: int) -> Element:
        element, start = self._open.pop()
        element.html = self._source[start:position]
        return element

    def end_all(self) -> None:
        """End the elements that the fragment leaves open."""
        while self._open:
            self._end_innermost(len(self._source))


class Shows:
    """A fragment that shows something in a region, to be expected."""

    def __init__(self, region: str, contains: Wanted = None) -> None:
        #: The id of the region.
        self.region = region
        #: What it holds.
        self.contains = contains

    def __call__(self, fragment: object) -> bool:
        """Tell whether a fragment shows it."""
        page = Page()
        page.swap(str(fragment))
        shown = page.regions.get(self.region)
        return shown is not None and not shown.is_empty and shown.holds(self.contains)

    def __repr__(self) -> str:
        contains = "" if self.contains is None else f", {in_words(self.contains)}"
        return f"Shows({self.region!r}{contains})"


def in_words(contains: Wanted) -> str:
    """Return how failures call what a region should hold."""
    if isinstance(contains, re.Pattern):
        return f"a match of {say(contains.pattern)}"
    return say(contains)
