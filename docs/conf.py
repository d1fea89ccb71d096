"""Settings of the Sphinx build: `make docs`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import stopgo_mixins
from stopgo_mixins import faults
from stopgo_mixins.recorders.defaults import DEFAULT_RECORDERS

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
html_title = f"{project} {stopgo_mixins.__version__}"
html_static_path = ["_static"]
html_css_files = ["wrap.css"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4

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
    (
        r"py:class",
        r"\w+TrainingState|PhasePlan|BatchArchive|Bytes|Cause|Change|Comparison|Leaf|Means|Record|Spread|Trace|Whole",
    ),
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


def first_sentence(documented: object) -> str:
    """What a docstring says before everything else, as Markdown."""
    text = " ".join((inspect.getdoc(documented) or "").partition("\n\n")[0].split())
    text = re.sub(r":\w+:`~?(?:\w+\.)*(\w+)`", r"`\1`", text).replace("``", "`").replace("|", "\\|")
    return re.split(r"(?<=[.;])\s", text)[0].rstrip(";")


def in_a_table(rows: Iterable[tuple[str, str]]) -> str:
    """Names and what they are."""
    return "\n".join(["| name | what it is |", "| --- | --- |", *(f"| {name} | {what} |" for name, what in rows)])


def list_names(app: Sphinx, docname: str, source: list[str]) -> None:
    """Write the tables of the page of names."""
    if docname != "names":
        return
    public = {name: getattr(stopgo_mixins, name) for name in stopgo_mixins.__all__}
    tables = {
        "public names": [(f"{{py:obj}}`~stopgo_mixins.{name}`", first_sentence(is_)) for name, is_ in public.items()],
        "metrics": [
            (f"`{metric}`", first_sentence(recorder)) for metric, recorder in sorted(DEFAULT_RECORDERS.items())
        ],
        "faults": [
            (f"`{name}`", f"[{fault.id}: {fault.name}](faults.md#the-faults)")
            for name, fault in sorted(vars(faults).items())
            if isinstance(fault, faults.Fault)
        ],
    }
    for title, rows in tables.items():
        source[0] = source[0].replace(f"<!-- {title} -->", in_a_table(rows))


def setup(app: Sphinx) -> None:
    """Register what happens to references and docstrings."""
    app.connect("source-read", list_names)
    app.connect("missing-reference", resolve_public_name)
    app.connect("autodoc-process-docstring", protect_first_sentence, priority=400)  # napoleon has 500
