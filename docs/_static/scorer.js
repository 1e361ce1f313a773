// How the search ranks its results: Sphinx's own scores, and those of pages.

// By page or folder: the pages that say how a test is written come first.
var RANKS = {
  "quickstart": 4,
  "tutorial": 4,
  "topics": 6,
  "contrib": -2,
  "internals": -4,
  "benchmarks": -8,
  "contributing": -8,
  "changelog": -10,
  "index": -10
};

// No const: searchtools.js has a declaration of this name, too.
var Scorer = {
  score: ([page, title, anchor, description, score]) =>
    score + (RANKS[page] ?? RANKS[page.split("/")[0]] ?? 0),
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
