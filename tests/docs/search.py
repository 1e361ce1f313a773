"""
Whether the search of the pages finds each task of "How do I ...".

``python -m tests.docs.search docs/_build/html`` searches in built pages for
some words of each task, as the script of Sphinx does, and prints the tasks
whose page is not among the first five results.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any, NamedTuple

import snowballstemmer

ROOT = Path(__file__).resolve().parents[2]
FIRST = 5
#: Words that a reader may type for a task, in the order of docs/index.rst.
QUERIES = [
    "connect logged-in user",
    "header cookie token",
    "stranger rejected",
    "server closes a connection",
    "reconnect",
    "logout closes the connections",
    "read several frames",
    "nothing arrives",
    "request reply",
    "broken frame",
    "part of a frame",
    "schema",
    "payloads",
    "room full of users",
    "receives a broadcast",
    "presence",
    "signal broadcasts",
    "race two users",
    "steps that break",
    "on commit",
    "query broadcast",
    "Celery tasks broker",
    "worker consumer",
    "heartbeat",
    "exception consumer",
    "lose messages",
    "everybody did",
    "test hangs",
    "debugger",
    "pytest functions",
    "server-sent events",
    "live server",
    "start-up shutdown",
    "base classes",
    "GitHub",
    "check types",
    "server opens",
]


class Result(NamedTuple):
    """A line of the results, by what they are sorted by."""

    score: int
    title: str
    page: str


class Search:
    """The index of built pages, and the rules of Sphinx's searchtools.js."""

    def __init__(self, built: Path) -> None:
        text = (built / "searchindex.js").read_text()
        self.index = json.loads(text[text.index("(") + 1 : text.rindex(")")])
        words = (built / "_static" / "language_data.js").read_text()
        (stop_words,) = re.findall(r"stopwords = new Set\((\[.*?\])\)", words)
        self.stop_words = set(json.loads(stop_words))
        (ranks,) = re.findall(r"RANKS = (\{.*?\});", words, re.DOTALL)
        self.ranks = json.loads(ranks)
        self.stem = snowballstemmer.stemmer("english").stemWord

    def pages(self, query: str) -> list[str]:
        """Return the pages of the results, one for each result."""
        found = [*self.headings(query), *self.objects(query), *self.texts(query)]
        ranked = [
            Result(result.score + self.rank(result.page), *result[1:])
            for result in dict.fromkeys(found)
        ]
        # Of two with one title the later one is first, as there.
        ranked.sort(key=lambda result: result.title.lower(), reverse=True)
        ranked.sort(key=lambda result: result.score)
        ranked.reverse()
        return [result.page for result in ranked]

    def rank(self, page: str) -> int:
        folder = page.partition("/")[0]
        return int(self.ranks.get(page, self.ranks.get(folder, 0)))

    def headings(self, query: str) -> list[Result]:
        """Return headings and main entries of the index with the query."""
        query = query.lower()
        found = []
        for title, places in self.index["alltitles"].items():
            if query in title.lower() and len(query) >= len(title) / 2:
                score = _rounded(15 * len(query) / len(title))
                for number, _ in places:
                    page_title = self.index["titles"][number]
                    boost = 1 if page_title == title else 0
                    shown = title if boost else f"{page_title} > {title}"
                    found.append(self.result(score + boost, shown, number))
        for entry, places in self.index["indexentries"].items():
            if query in entry and len(query) >= len(entry) / 2:
                score = _rounded(100 * len(query) / len(entry))
                found += [
                    self.result(score, self.index["titles"][number], number)
                    for number, _, is_main in places
                    if is_main
                ]
        return found

    def objects(self, query: str) -> list[Result]:
        """Return classes, methods and the like whose names have the query."""
        terms = dict.fromkeys(_words(query.lower()))
        return [
            self.result(score, name, number)
            for term in terms
            for score, name, number in self._objects_with(term, {*terms} - {term})
        ]

    def _objects_with(self, term: str, others: set[str]) -> list[tuple[int, str, int]]:
        found = []
        for prefix, members in self.index["objects"].items():
            for number, kind, priority, _, name in members:
                full = f"{prefix}.{name}" if prefix else name
                title = self.index["titles"][number]
                kind_name = self.index["objnames"][str(kind)][2]
                words = f"{prefix} {name} {kind_name} {title}".lower()
                if term in full.lower() and all(other in words for other in others):
                    score = {0: 15, 1: 5, 2: -5}.get(priority, 0)
                    found.append((score + _match(term, full.lower()), full, number))
        return found

    def texts(self, query: str) -> list[Result]:
        """Return pages that have each word in a heading or in the text."""
        words = dict.fromkeys(
            self.stem(word.lower())
            for word in _words(query)
            if word.lower() not in self.stop_words
        )
        scores: dict[int, dict[str, int]] = {}
        for word in words:
            for number, score in self._pages_with(word):
                scores.setdefault(number, {})[word] = score
        long_words = [word for word in words if len(word) > 2]
        return [
            self.result(max(by_word.values()), self.index["titles"][number], number)
            for number, by_word in scores.items()
            if len(by_word) in {len(words), len(long_words)}
        ]

    def _pages_with(self, word: str) -> list[tuple[int, int]]:
        """Return numbers and scores; a page's last score counts."""
        terms, titles = self.index["terms"], self.index["titleterms"]
        found = [(terms.get(word), 5), (titles.get(word), 15)]
        if len(word) > 2:
            for known, score in [(terms, 2), (titles, 7)]:
                if word not in known:
                    found += [(known[term], score) for term in known if word in term]
        return [
            (number, score)
            for numbers, score in found
            if numbers is not None
            for number in ([numbers] if isinstance(numbers, int) else numbers)
        ]

    def result(self, score: int, title: str, number: int) -> Result:
        return Result(score, title, self.index["docnames"][number])


def _words(query: str) -> list[str]:
    return re.findall(r"\w+", query)


def _match(term: str, name: str) -> int:
    last = name.rpartition(".")[2]
    return 11 if term in {name, last} else 6 if term in last else 0


def _rounded(score: float) -> int:
    return int(score + 0.5)


def tasks() -> list[tuple[str, str]]:
    """Return text and page of each first link of a task."""
    index = (ROOT / "docs" / "index.rst").read_text()
    return re.findall(r"^   \* :\w+:`([^<]+) <([\w/-]+)", index, re.MULTILINE)


def problems(built: Path) -> list[str]:
    """Return what a reader would not find, a line each."""
    search = Search(built)
    found: list[str] = []
    for (task, page), query in zip(tasks(), QUERIES, strict=True):
        strange = [word for word in _words(query) if word not in task]
        if strange:
            found.append(f"{task} has no words {strange}: is the order another one?")
        pages = search.pages(query)
        if page not in pages[:FIRST]:
            place = pages.index(page) + 1 if page in pages else "nowhere"
            found.append(f"{query!r} finds {page} {place}: {pages[:FIRST]}")
    return found


def main(arguments: list[str]) -> Any:
    return "\n".join(problems(Path(*arguments))) or None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
