"""All faults, by id."""

from __future__ import annotations

from collections.abc import Mapping

from stopgo_mixins.faults import (
    attributes,
    checkpoint,
    checkpoint_files,
    data,
    module_state,
    optimizer,
    precision,
    progress,
    rng,
    schedule,
    shards,
    validation,
    weights,
)
from stopgo_mixins.faults.fault import Fault

_FAMILIES = (
    schedule,
    optimizer,
    rng,
    data,
    validation,
    progress,
    weights,
    module_state,
    attributes,
    precision,
    checkpoint,
    checkpoint_files,
    shards,
)

ALL_FAULTS: Mapping[str, Fault] = {
    fault.id: fault
    for fault in sorted(
        (value for family in _FAMILIES for value in vars(family).values() if isinstance(value, Fault)),
        key=lambda fault: fault.id,
    )
}
"""Id -> fault, in the order of their ids."""
