"""What a page's Content-Security-Policy blocks, in words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from channels_testkit.matching.wording import shorten

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What a page works without, as a policy calls it.
_DECORATION = {"font-src", "img-src", "manifest-src", "media-src", "prefetch-src"}
#: Violations that no script sees as an exception.
_UNSEEN = {"kInlineViolation", "kURLViolation"}
#: Where Chromium's console quotes a directive with its sources.
_QUOTED = re.compile(r"directive:? ['\"](.+?)['\"]\.(?:\s|$)")


def blocked(issue: Mapping[str, Any], said: str) -> str:
    """
    Return what a policy has blocked, or "" where that is no error.

    ``said`` is what the console says of it. A policy that only reports blocks
    nothing; ``eval()`` raises, which the script can see to itself.
    """
    details = issue["details"].get("contentSecurityPolicyIssueDetails")
    if details is None or details["isReportOnly"]:
        return ""
    directive, kind = (
        details["violatedDirective"],
        details["contentSecurityPolicyViolationType"],
    )
    if kind not in _UNSEEN or directive in _DECORATION:
        return ""
    quoted = _QUOTED.search(said)
    policy = shorten(quoted[1]) if quoted else directive
    what = details.get("blockedURL") or f"an inline {_kind_of(directive)}"
    return f"Content-Security-Policy blocks {what}: {policy}"


def _kind_of(directive: str) -> str:
    return "style" if directive.startswith("style") else "script"
