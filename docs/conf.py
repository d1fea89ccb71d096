"""Settings of the Sphinx build: `make docs`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import stopgo_mixins

if TYPE_CHECKING:
    from docutils.nodes import Element, TextElement
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

project = "stopgo_mixins"
author = "The stopgo_mixins authors"
copyright = author

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = project

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_member_order = "bysource"
autodoc_inherit_docstrings = False  # a trainer's hooks are documented by the trainer
napoleon_numpy_docstring = False
napoleon_use_ivar = True

# Every reference is checked, but for what has no page here.
nitpick_ignore_regex = [
    # Other projects' names, with their module or without: their inventories would have to be downloaded.
    (r"py:.*", r"(?!stopgo_mixins\b)\w+\..*"),
    (r"py:class", r"Generator|LightningModule|Optimizer|Path|Tensor|Trainer"),
    # The layers below the public names: the design page describes them, signatures only name them.
    (r"py:class", r"\w+TrainingState|PhasePlan|BatchArchive|Cause|Change|Comparison|Leaf|Means|Record|Trace"),
    (r"py:.*", r"stopgo_mixins\.(?!events\b)[a-z]\w*\.\w+.*"),
]


def resolve_public_name(app: Sphinx, env: BuildEnvironment, node: Element, contnode: TextElement) -> Element | None:
    """Lead a reference from where a public name is defined to where it is documented: the package itself."""
    parts = node.get("reftarget", "").split(".")
    public = next((part for part in parts if part in stopgo_mixins.__all__), None)
    if node.get("refdomain") != "py" or public is None:
        return None
    target = ".".join(["stopgo_mixins", *parts[parts.index(public) :]])
    python = env.get_domain("py")
    return python.resolve_xref(env, node.get("refdoc", ""), app.builder, "obj", target, node, contnode)


def protect_first_sentence(app: Sphinx, what: str, *described: object) -> None:
    """Keep napoleon from taking the first sentence of a property, if it has a colon, for a type and its text."""
    lines = described[-1]
    if what in ("attribute", "data", "property") and isinstance(lines, list):
        lines.insert(0, "\\ ")  # nothing, to reStructuredText


def setup(app: Sphinx) -> None:
    """Register what happens to references and docstrings."""
    app.connect("missing-reference", resolve_public_name)
    app.connect("autodoc-process-docstring", protect_first_sentence, priority=400)  # napoleon has 500
