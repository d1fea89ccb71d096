"""On what terms a class compares its metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stopgo_mixins.comparison.declared import Declarations
    from stopgo_mixins.comparison.tolerance import Tolerance
    from stopgo_mixins.trace.selection import LeftOut


@dataclass(frozen=True)
class Terms:
    """What a class says about its run, apart from what its recorders say of their metrics.

    Attributes:
        num_steps: optimizer updates of the whole run.
        tolerances: by metric; everything else is compared bit by bit.
        declared: the divergences that are known, by metric.
        left_out: metric -> path -> why it is not recorded.
        require_evidence: whether a metric that is not verified fails.
    """

    num_steps: int
    tolerances: Mapping[str, Tolerance] = field(default_factory=dict)
    declared: Declarations = field(default_factory=dict)
    left_out: LeftOut = field(default_factory=dict)
    require_evidence: bool = False
