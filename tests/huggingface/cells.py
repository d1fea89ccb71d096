"""What ``transformers.Trainer`` resumes exactly and what not, cell by cell."""

from __future__ import annotations

import unittest
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stopgo_mixins import AfterValidation, AtEpochEnd, AtStep, InsideValidation
from tests.huggingface.tiny import STEPS_PER_EPOCH, TinyTransformersMixin
from tests.outcome import concrete

FIRST_EPOCH, BOUNDARY = AtStep(STEPS_PER_EPOCH - 1), AtStep(STEPS_PER_EPOCH)


@dataclass(frozen=True)
class Cell:
    """A row of the matrix.

    Attributes:
        name: what the page calls it.
        root_causes: the metrics that must be named, with where each differs first; none where all is exact.
        attributes: what of the class is not as usual: interrupted amid the second epoch.
        error: that with which the resume phase must fail.
    """

    name: str
    root_causes: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""

    def test_class(self, **changed: Any) -> type[unittest.TestCase]:
        return concrete(TinyTransformersMixin, **self.attributes, **changed)

    @property
    def verdict(self) -> str:
        """As the page says it."""
        if self.error:
            return f"the resume phase fails: `{self.error}`"
        return ", ".join(f"`{metric}` at {where}" for metric, where in self.root_causes.items()) or "exact"


def arguments(**given: Any) -> dict[str, Any]:
    return {"arguments": given}


NOT_SEEDABLE = arguments(accelerator_config={"use_seedable_sampler": False})
RESTORED, FIRST_STEP = "state 6", "step 7"
NOT_LOADED = {"optimizer_state": RESTORED, "scheduler_state": RESTORED}
PATIENCE = {"metric_for_best_model": "loss", "eval_steps": 1}

CELLS = (
    Cell("interrupted amid the first epoch", attributes={"interruption": FIRST_EPOCH}),
    Cell("amid the second epoch"),
    Cell("between two epochs", attributes={"interruption": BOUNDARY}),
    Cell("as its epoch ends (`AtEpochEnd`)", attributes={"interruption": AtEpochEnd(2)}),
    Cell("after an evaluation (`AfterValidation`)", attributes={"interruption": AfterValidation()}),
    Cell("two steps after the checkpoint (`past=2`)", attributes={"interruption": AtStep(6, past=2)}),
    Cell("twice", attributes={"interruptions": (AtStep(3), AtStep(8))}),
    Cell("by `should_training_stop`", attributes={"interruption": AtStep(6, by="should_stop")}),
    Cell(
        "amid an evaluation (`InsideValidation`)",
        {"validation_schedule": "step 4"},
        {"interruption": InsideValidation()},
    ),
    Cell(
        "`gradient_accumulation_steps=2`",
        attributes={"interruption": FIRST_EPOCH, **arguments(gradient_accumulation_steps=2)},
    ),
    Cell(
        "`gradient_accumulation_steps=3`, the last window of an epoch shorter",
        attributes={"interruption": FIRST_EPOCH, **arguments(gradient_accumulation_steps=3)},
    ),
    Cell(
        "`save_steps=4`, `load_best_model_at_end=True`",
        attributes=arguments(save_strategy="steps", save_steps=4, load_best_model_at_end=True),
    ),
    Cell(
        '`eval_strategy` and `save_strategy` `"epoch"`',
        attributes={"interruption": AtStep(8), **arguments(eval_strategy="epoch", save_strategy="epoch")},
    ),
    Cell("`eval_on_start=True`", {"validation_schedule": "step 6"}, arguments(eval_on_start=True)),
    Cell("another seed before the trainer is built (`resume_seed`)", attributes={"resume_seed": 7}),
    Cell("`dataloader_num_workers=2`", attributes=arguments(dataloader_num_workers=2)),
    Cell(
        "the same with `dataloader_persistent_workers=True`",
        {"rng_state": "state 8"},
        arguments(dataloader_num_workers=2, dataloader_persistent_workers=True),
    ),
    Cell("data that draw random numbers", {"rng_state": RESTORED}, {"noisy": True}),
    Cell("the same, between two epochs", attributes={"noisy": True, "interruption": BOUNDARY}),
    Cell(
        "the same, with `dataloader_num_workers=2`",
        {"train_input": FIRST_STEP},
        {"noisy": True, **arguments(dataloader_num_workers=2)},
    ),
    Cell("`use_seedable_sampler=False`", {"train_input": FIRST_STEP}, NOT_SEEDABLE),
    Cell("the same, amid the first epoch", attributes={"interruption": FIRST_EPOCH, **NOT_SEEDABLE}),
    Cell(
        "`ignore_data_skip=True`",
        {"train_input": FIRST_STEP, "rng_state": RESTORED},
        arguments(ignore_data_skip=True),
    ),
    Cell("`logging_steps=5`", {"logged_metrics": "step 10"}, arguments(logging_steps=5)),
    Cell("`save_only_model=True`", {**NOT_LOADED, "rng_state": RESTORED}, arguments(save_only_model=True)),
    Cell("`optimizer.pt` is missing", NOT_LOADED, {"lost": ("optimizer.pt",)}),
    Cell("`scheduler.pt` is missing", NOT_LOADED, {"lost": ("scheduler.pt",)}),
    Cell("`rng_state.pth` is missing", {"rng_state": RESTORED}, {"lost": ("rng_state.pth",)}),
    Cell("`trainer_state.json` is missing", {}, {"lost": ("trainer_state.json",)}, "FileNotFoundError"),
    Cell("`trainer_state.json` is cut", {}, {"cut": ("trainer_state.json",)}, "JSONDecodeError"),
    Cell("`model.safetensors` is cut", {}, {"cut": ("model.safetensors",)}, "SafetensorError"),
    Cell("`optimizer.pt` is cut", {}, {"cut": ("optimizer.pt",)}, "RuntimeError"),
    Cell("`scheduler.pt` is cut", {}, {"cut": ("scheduler.pt",)}, "RuntimeError"),
    Cell("`rng_state.pth` is cut", {}, {"cut": ("rng_state.pth",)}, "OSError"),
    Cell(
        "`EarlyStoppingCallback`",
        {"callback_state": RESTORED},
        {"patience": 100, **arguments(**PATIENCE)},
    ),
    Cell(
        "the same with `restore_callback_states_from_checkpoint=True`",
        attributes={"patience": 100, **arguments(**PATIENCE, restore_callback_states_from_checkpoint=True)},
    ),
)
