"""The module whose output differs first, in which the cause is looked for."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from stopgo_mixins.metric import MetricKind

if TYPE_CHECKING:
    from stopgo_mixins.comparison.compare import Comparison

_OF_A_CHILD = re.compile(r"module\['(.+?)'\]\(\d+\)")


def named_by_first_module(found: Comparison, comparisons: Iterable[Comparison]) -> Comparison:
    """The comparison of what is found by reach, with what belongs to that module before all else of its moment.

    Args:
        found: that comparison.
        comparisons: of the other metrics, the outputs among them.
    """
    outputs = [each for each in comparisons if MetricKind.OUTPUTS in each.about.kinds and each.mismatches]
    if not outputs or not found.mismatches:
        return found
    first = min(outputs, key=lambda output: output.mismatches[0].order)
    children = {child for output in outputs for child in map(_child, output.series) if child}
    module = _child(first.mismatches[0].key.path)
    own = [each for each in found.at_first if _belongs(each.key.path, module, children)]
    if not own:
        return found
    rest = [each for each in found.mismatches if each not in own]
    return replace(found, mismatches=[*own, *rest], first_module=f"model.{module}" if module else "model")


def _child(path: str) -> str:
    """The name of the child of which something is the output; empty where it is that of the whole step."""
    of_child = _OF_A_CHILD.match(path)
    return of_child[1] if of_child else ""


def _belongs(path: str, module: str, children: Collection[str]) -> bool:
    if module:
        return path.startswith((f"model.{module}.", f"model.{module}["))
    return path.startswith("model.") and not any(_belongs(path, child, ()) for child in children)
