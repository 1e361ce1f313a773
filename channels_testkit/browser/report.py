"""Failures about pages, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from channels_testkit.matching import first_difference, nearest
from channels_testkit.matching.wording import (
    first_lines,
    first_of_each_kind,
    say,
    shorten,
)

from .page_log import RECEIVED, SENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .page_content import PageContent
    from .page_log import PageError, PageFrame

_LISTED = 12
_PAGE_WIDTH = 400
_LONG = 1_000
#: An error with the page that it is of.
_WIDEST = _LONG + 200
_ARROWS = {SENT: "->", RECEIVED: "<-"}


class Places:
    """URLs of the live server as paths; others as they are."""

    def __init__(self, http: str, *others: str) -> None:
        #: Where pages are.
        self.http = http
        self._servers = (http, *others)

    def shorten(self, text: str) -> str:
        """Return a text that has URLs in it, with paths in their place."""
        for server in self._servers:
            text = text.replace(f"{server}/", "/")
        return text


def not_shown(
    selector: str, text: str | None, shown: PageContent, timeout: float, places: Places
) -> str:
    """Say that the page did not show something, and what it shows."""
    wanted = _element(selector, text)
    return (
        f"The page {shorten(places.shorten(shown.url))} showed no {wanted} within"
        f" {timeout:g} s.\n\n{_what_is_there(selector, text, shown)}"
    )


def still_shown(
    selector: str, text: str | None, shown: PageContent, timeout: float, places: Places
) -> str:
    """Say that the page went on showing something."""
    wanted = _element(selector, text)
    return (
        f"The page {shorten(places.shorten(shown.url))} still showed {wanted} after"
        f" {timeout:g} s.\n\n{_what_is_there(selector, text, shown)}"
    )


def _element(selector: str, text: str | None) -> str:
    return say(selector) if text is None else f"{say(selector)} with {say(text)}"


def _what_is_there(selector: str, text: str | None, shown: PageContent) -> str:
    if not shown.there:
        page = shorten(shown.page, _PAGE_WIDTH) or "nothing"
        return f"Nothing on it matches {say(selector)}. It shows: {page}"
    lines = [f"Elements that match {say(selector)}:"]
    lines += [
        f"  {shorten(found)!r}" + ("" if is_visible else " (hidden)")
        for found, is_visible in shown.nearest(text)
    ]
    return "\n".join(lines)


def no_frame(
    direction: str,
    expected: Any,
    frames: Sequence[PageFrame],
    timeout: float,
    *,
    partial: bool,
    places: Places,
) -> str:
    """Say that no frame of a page matches, and where the nearest differs."""
    payloads = [it.payload for it in frames if it.direction == direction]
    lines = [f"Expected: {say(expected)}"]
    index = nearest(expected, payloads)
    which = "no frame" if index is None else "no frame that matches"
    verdict = f"The page {direction} {which} within {timeout:g} s"
    if index is not None:
        lines.append(f"Nearest:  {say(payloads[index])}")
        verdict += _where_it_differs(expected, payloads[index], partial=partial)
    evidence = "\n".join(lines)
    return f"{verdict}.\n\n{evidence}\n\n{_listing(frames, places)}"


def _where_it_differs(expected: Any, actual: Any, *, partial: bool) -> str:
    difference = first_difference(expected, actual, partial=partial)
    if difference is None:
        return ""
    place = f" at {say(difference.path)}" if difference.path else ""
    return (
        f"; the nearest differs{place}: expected {difference.expected}, found"
        f" {difference.actual}"
    )


def _listing(frames: Sequence[PageFrame], places: Places) -> str:
    lines = ["Frames of the page (-> sent, <- received):"]
    if len(frames) > _LISTED:
        lines.append(f"     ... {len(frames) - _LISTED} earlier frames")
    first = max(0, len(frames) - _LISTED)
    for number, frame in enumerate(frames[first:], first + 1):
        payload = shorten(repr(frame.payload))
        arrow, url = _ARROWS[frame.direction], shorten(places.shorten(frame.url))
        lines.append(f"  {number:>4}  {arrow} {url} {payload}")
    if not frames:
        lines.append("     none yet")
    return "\n".join(lines)


def page_errors(errors: Sequence[PageError], places: Places) -> str:
    """Say what went wrong on the pages of a test."""
    first, *others = errors
    more = f", and {len(others)} more" if others else ""
    lines = [f"  {describe(error, places)}" for error in errors]
    listed = _listed(lines)
    return (
        f"Page error: {shorten(places.shorten(first.text).rstrip('.'))}{more}.\n\n"
        f"{listed}\n\n"
        "If the test is about this error, expect it in a 'with' block of"
        ' assertPageError("text"), or set check_page = "off" on the test case.'
    )


def raised_as_well(errors: Sequence[PageError], places: Places) -> str:
    """Say what else went wrong on a page that fails an assertion."""
    lines = [f"The page also raised: {_said(error)}" for error in errors]
    lines = [places.shorten(line) for line in lines]
    return _listed(lines)


def no_page_error(
    text: str, errors: Sequence[PageError], timeout: float, places: Places
) -> str:
    """Say that no page had an error of this text."""
    wanted = f" with {say(text)}" if text else ""
    lines = [f"  {describe(error, places)}" for error in errors] or ["  none"]
    listed = _listed(lines)
    return (
        f"No page had an error{wanted} within {timeout:g} s.\n\n"
        f"Errors in the block:\n{listed}"
    )


def _listed(lines: Sequence[str]) -> str:
    return "\n".join(first_lines(first_of_each_kind(lines, "  ", width=_WIDEST), "  "))


def describe(error: PageError, places: Places) -> str:
    """Return an error with where it was."""
    page, said = places.shorten(error.page), places.shorten(_said(error))
    return f"{shorten(page)}: {shorten(said, _LONG)}"


def _said(error: PageError) -> str:
    return f"{error.text} ({error.place})" if error.place else error.text
