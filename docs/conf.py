"""How Sphinx builds the pages: offline, every unresolved name an error."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import django
from django.conf import settings
from docutils import nodes
from sphinx.util import logging

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

# autodoc imports the package, and the package imports Django's models.
settings.configure(
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "channels",
    ],
)
django.setup()

from channels_testkit import __version__  # noqa: E402 (needs the settings)

project = "channels_testkit"
author = "The channels_testkit authors"
copyright = author  # noqa: A001 (Sphinx's name)
version = release = __version__

if TYPE_CHECKING:
    from sphinx.application import Sphinx

logger = logging.getLogger(__name__)

extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosectionlabel"]

# Pages link to sections of others by "page:heading".
autosectionlabel_prefix_document = True
suppress_warnings = ["autosectionlabel.changelog"]  # each version has "Added"
exclude_patterns = ["_build", "examples"]
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_search_scorer = str(Path(__file__).parent / "_static" / "scorer.js")
html_title = f"channels_testkit {release}"

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"

# The inventories of Python and Django are on the network, and the build is
# not: names from elsewhere stay unlinked. A role that names something of this
# package by its public name is checked.
nitpick_ignore_regex = [
    (
        r"py:.*",
        r"(asgiref|asyncio|channels|collections|contextlib|django|re|typing"
        r"|unittest)(\..*)?",
    ),
    # What annotations name: builtins, type variables, private aliases.
    (r"py:(class|data|obj)", r"(?!channels_testkit\b).*"),
    (r"py:(class|data|obj)", r"channels_testkit\.[a-z_]+\..*"),
    (r"py:exc", r"[A-Z]\w*(Error|Exception|Warning)"),
]


def check_tables(app: Sphinx, doctree: nodes.document, name: str) -> None:
    """Warn of empty cells: a row may have been cut in two."""
    del app
    for body in doctree.findall(nodes.tbody):
        for entry in body.findall(nodes.entry):
            if not entry.astext().strip():
                row = entry.parent.astext().replace("\n", " ")
                logger.warning("a table has an empty cell: %s", row, location=name)


def trim_blocks(app: Sphinx, doctree: nodes.document) -> None:
    """Take blank lines from the end of blocks: slices of files have some."""
    del app
    for block in doctree.findall(nodes.literal_block):
        block.rawsource = block.astext().rstrip()
        block[:] = [nodes.Text(block.rawsource)]


def setup(app: Sphinx) -> None:
    """Connect what this file adds to Sphinx."""
    app.connect("doctree-read", trim_blocks)
    app.connect("doctree-resolved", check_tables)
