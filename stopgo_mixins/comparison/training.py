"""Whether the run trained anything at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stopgo_mixins.comparison.compare import Comparison


def nothing_trained(parameters: Comparison) -> str | None:
    """Says so where no weight ever changes, with which no resume could go wrong; ``None`` where one does.

    Args:
        parameters: the comparison of that metric; where it was not recorded, nothing can be said.
    """
    if not parameters.series or len(parameters.constant_paths) < len(parameters.series):
        return None
    return (
        "nothing was trained: in the whole continuous run none of the model's parameters changes, so a resume that "
        "lost everything would look the same. Check that there is an optimizer, that it holds the parameters, and that "
        "its learning rate is not 0."
    )
