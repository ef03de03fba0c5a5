"""Sphinx configuration of the documentation site."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from reference_pages import write_reference_pages  # noqa: E402

project = "Cuprolith"
author = "the Cuprolith developers"
copyright = "2026, the Cuprolith developers"
release = version = metadata.version("cuprolith")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
# code blocks without a language are shown as plain text
highlight_language = "none"
# quotes and ellipses, but no dashes: `--` begins an option
smartquotes_action = "qe"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
napoleon_google_docstring = False
autodoc_inherit_docstrings = False
napoleon_use_ivar = True
# `Frame` and similar words are both a class and fields of other classes: link to the class
suppress_warnings = ["ref.python"]

html_theme = "furo"
html_title = "Cuprolith"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False

write_reference_pages(HERE / "reference")


def escape_bars(app, what, name, obj, options, lines):  # noqa: ANN001, ANN201, D103
    # |F| is a norm in our docstrings, but a substitution in reStructuredText
    lines[:] = [line.replace("|", "\\|") for line in lines]


def setup(app):  # noqa: ANN001, ANN201, D103
    app.connect("autodoc-process-docstring", escape_bars, priority=900)
