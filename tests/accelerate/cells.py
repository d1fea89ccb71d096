"""What a loop with Accelerate resumes exactly and what not, cell by cell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stopgo_mixins import AtStep
from tests.accelerate.tiny import STEPS_PER_EPOCH, TinyAccelerateMixin
from tests.matrix import Cell

FIRST_EPOCH, SECOND_EPOCH, BOUNDARY = AtStep(STEPS_PER_EPOCH - 1), AtStep(6), AtStep(STEPS_PER_EPOCH)
PLACES = {"amid the first epoch": FIRST_EPOCH, "amid the second epoch": SECOND_EPOCH, "between two epochs": BOUNDARY}


class AccelerateCell(Cell):
    mixin = TinyAccelerateMixin


def row(name: str, *verdicts: Mapping[str, str], **attributes: Any) -> tuple[AccelerateCell, ...]:
    """A cell for each place."""
    places = zip(PLACES.items(), verdicts, strict=True)
    return tuple(
        AccelerateCell(f"{name}, {place}", verdict, {**attributes, "interruption": interruption})
        for (place, interruption), verdict in places
    )


EXACT: Mapping[str, str] = {}
DEFAULTS = {"seedable": False, "own_generator": False}

SKIPPING = (
    *row(
        "the defaults",
        {"train_input": "step 4"},
        {"train_input": "step 7"},
        EXACT,
        **DEFAULTS,
    ),
    *row(
        "`use_seedable_sampler=True`, `data_seed`",
        {"rng_state": "state 3"},
        {"rng_state": "state 6"},
        EXACT,
        own_generator=False,
    ),
    *row("a generator of its own", EXACT, {"train_input": "step 7"}, {"train_input": "step 5"}, seedable=False),
    *row(
        "both, without `set_epoch`",
        {"train_input": "step 5"},
        {"train_input": "step 7"},
        {"train_input": "step 5"},
        sets_epoch=False,
    ),
    *row("both, with `set_epoch`", EXACT, EXACT, EXACT),
)
"""With ``skip_first_batches``."""

STATEFUL = (
    *row(
        "the defaults",
        {"train_input": "step 4"},
        {"train_input": "step 7"},
        {"rng_state": "state 4"},
        stateful=True,
        **DEFAULTS,
    ),
    *row(
        "`use_seedable_sampler=True`, `data_seed`",
        {"rng_state": "state 3"},
        {"rng_state": "state 6"},
        {"rng_state": "state 4"},
        stateful=True,
        own_generator=False,
    ),
    *row(
        "a generator of its own",
        {"train_input": "step 4"},
        {"train_input": "step 7"},
        {"train_input": "step 6"},
        stateful=True,
        seedable=False,
    ),
    *row(
        "both, without `set_epoch`",
        EXACT,
        {"train_input": "step 7"},
        {"train_input": "step 5"},
        stateful=True,
        sets_epoch=False,
    ),
    *row("both, with `set_epoch`", EXACT, EXACT, EXACT, stateful=True),
)
"""With ``use_stateful_dataloader``."""

FURTHER = (
    AccelerateCell("`gradient_accumulation_steps=2`", EXACT, {"window": 2}),
    AccelerateCell("`clip_grad_norm_`", EXACT, {"max_norm": 1e-3}),
    AccelerateCell("`num_workers=2`", EXACT, {"workers": 2}),
    AccelerateCell(
        "`num_workers=2` and `use_stateful_dataloader`, amid the first epoch",
        {"train_input": "step 4"},
        {"workers": 2, "stateful": True, "interruption": FIRST_EPOCH},
    ),
    AccelerateCell("the same, amid the second epoch", EXACT, {"workers": 2, "stateful": True}),
    AccelerateCell("data that draw random numbers", {"rng_state": "state 6"}, {"noisy": True}),
    AccelerateCell("the same, between two epochs", EXACT, {"noisy": True, "interruption": BOUNDARY}),
    AccelerateCell("`random_states_0.pkl` is missing", {"rng_state": "state 6"}, {"lost": ("random_states_0.pkl",)}),
    AccelerateCell(
        "`dl_state_dict.bin` of `use_stateful_dataloader` is missing",
        {"train_input": "step 7"},
        {"lost": ("dl_state_dict.bin",), "stateful": True},
    ),
    *(
        AccelerateCell(f"`{name}` is missing", EXACT, {"lost": (name,)}, "FileNotFoundError")
        for name in ("optimizer.bin", "scheduler.bin", "model.safetensors")
    ),
)
"""With all remedies in place."""

CELLS = (*SKIPPING, *STATEFUL, *FURTHER)
