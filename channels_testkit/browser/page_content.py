"""What a page shows, waited for by a script in the page."""

from __future__ import annotations

import difflib
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from selenium.common.exceptions import JavascriptException, TimeoutException

from channels_testkit.matching.wording import say

if TYPE_CHECKING:
    from selenium.webdriver import Chrome
    from selenium.webdriver.remote.webelement import WebElement

_LISTED = 5
#: How long after the timeout a page may take to answer.
_SECONDS_TO_ANSWER = 5.0

# Looks whenever something in the document changes, and at the end; and before
# each repaint, as nothing tells of a value that a script gives to a field.
_WAIT = """
const [selector, text, isWanted, milliseconds, done] = arguments;
const squeeze = (string) => string.replace(/\\s+/g, " ").trim();
const hasValue = (node) => node.matches("input, textarea, select");
const textOf = (node) => squeeze(
  hasValue(node) ? node.value : node.innerText ?? node.textContent);
const isShown = (node) => node.checkVisibility({visibilityProperty: true});
const find = () => [...document.querySelectorAll(selector)].find(
  (node) => isShown(node) && (text === null || textOf(node).includes(text)));

function answer(isMet, element) {
  observer.disconnect();
  clearTimeout(timer);
  cancelAnimationFrame(frame);
  events.forEach((name) => removeEventListener(name, look, true));
  done({
    isMet, element: element ?? null, url: location.href,
    page: squeeze(document.body?.innerText ?? ""),
    there: [...document.querySelectorAll(selector)].map(
      (node) => [textOf(node), isShown(node)]),
  });
}

function look() {
  const element = find();
  if (!element !== isWanted) answer(true, element);
}

function lookBeforeRepaint() {
  frame = requestAnimationFrame(lookBeforeRepaint);
  look();
}

try {
  document.querySelector(selector);
} catch (error) {
  return done({error: error.message});
}
const events = ["animationend", "change", "input", "load", "transitionend"];
const observer = new MutationObserver(look);
observer.observe(document, {
  attributes: true, characterData: true, childList: true, subtree: true});
events.forEach((name) => addEventListener(name, look, true));
const timer = setTimeout(() => {
  const element = find();
  answer(!element !== isWanted, element);
}, milliseconds);
let frame = 0;
lookBeforeRepaint();
"""


class PageContent(NamedTuple):
    """
    What a page shows.

    ``there`` are the texts of what the selector finds, each with whether it
    is visible.
    """

    is_met: bool
    element: WebElement | None
    url: str
    page: str
    there: list[tuple[str, bool]]

    def nearest(self, text: str | None) -> list[tuple[str, bool]]:
        """Return some of what is there, the likest texts first."""

        def likeness(it: tuple[str, bool]) -> float:
            return difflib.SequenceMatcher(None, it[0], text or "").ratio()

        there = self.there if text is None else sorted(self.there, key=likeness)[::-1]
        return there[:_LISTED]


def wait_for(
    driver: Chrome, selector: str, text: str | None, *, is_wanted: bool, timeout: float
) -> PageContent:
    """
    Wait until the page shows an element, or no longer shows one.

    Another page may come meanwhile. Raises ``ValueError`` for what is no CSS
    selector.
    """
    deadline = time.monotonic() + timeout
    wanted = None if text is None else " ".join(text.split())
    found = None
    while found is None:
        found = _wait(driver, deadline, selector, wanted, is_wanted)
    if "error" in found:
        raise ValueError(f"{say(selector)} is not a CSS selector: {found['error']}")
    return PageContent(
        found["isMet"], found["element"], found["url"], found["page"], found["there"]
    )


def _wait(driver: Chrome, deadline: float, *arguments: object) -> Any:
    """Run the script; return None where its page has been left meanwhile."""
    left = max(0.0, deadline - time.monotonic())
    driver.set_script_timeout(left + _SECONDS_TO_ANSWER)
    try:
        return driver.execute_async_script(_WAIT, *arguments, 1000 * left)
    except (JavascriptException, TimeoutException):
        # That is how Chromium's driver tells of a page that has been left,
        # at once. One that does not answer takes all of its time.
        if time.monotonic() > deadline + _SECONDS_TO_ANSWER:
            raise
        return None
