"""What ``transformers.Trainer`` resumes exactly and what not, cell by cell."""

from __future__ import annotations

from typing import Any

from stopgo_mixins import AfterValidation, AtEpochEnd, AtStep, InsideValidation
from tests.huggingface.tiny import STEPS_PER_EPOCH, TinyTransformersMixin
from tests.matrix import Cell

FIRST_EPOCH, BOUNDARY = AtStep(STEPS_PER_EPOCH - 1), AtStep(STEPS_PER_EPOCH)


class TransformersCell(Cell):
    mixin = TinyTransformersMixin


def arguments(**given: Any) -> dict[str, Any]:
    return {"arguments": given}


NOT_SEEDABLE = arguments(accelerator_config={"use_seedable_sampler": False})
RESTORED, FIRST_STEP = "state 6", "step 7"
NOT_LOADED = {"optimizer_state": RESTORED, "scheduler_state": RESTORED}
PATIENCE = {"metric_for_best_model": "loss", "eval_steps": 1}

CELLS: tuple[Cell, ...] = (
    TransformersCell("interrupted amid the first epoch", attributes={"interruption": FIRST_EPOCH}),
    TransformersCell("amid the second epoch"),
    TransformersCell("between two epochs", attributes={"interruption": BOUNDARY}),
    TransformersCell("as its epoch ends (`AtEpochEnd`)", attributes={"interruption": AtEpochEnd(2)}),
    TransformersCell("after an evaluation (`AfterValidation`)", attributes={"interruption": AfterValidation()}),
    TransformersCell("two steps after the checkpoint (`past=2`)", attributes={"interruption": AtStep(6, past=2)}),
    TransformersCell("twice", attributes={"interruptions": (AtStep(3), AtStep(8))}),
    TransformersCell("by `should_training_stop`", attributes={"interruption": AtStep(6, by="should_stop")}),
    TransformersCell(
        "amid an evaluation (`InsideValidation`)",
        {"validation_schedule": "step 4"},
        {"interruption": InsideValidation()},
    ),
    TransformersCell(
        "`gradient_accumulation_steps=2`",
        attributes={"interruption": FIRST_EPOCH, **arguments(gradient_accumulation_steps=2)},
    ),
    TransformersCell(
        "`gradient_accumulation_steps=3`, the last window of an epoch shorter",
        attributes={"interruption": FIRST_EPOCH, **arguments(gradient_accumulation_steps=3)},
    ),
    TransformersCell(
        "`save_steps=4`, `load_best_model_at_end=True`",
        attributes=arguments(save_strategy="steps", save_steps=4, load_best_model_at_end=True),
    ),
    TransformersCell(
        '`eval_strategy` and `save_strategy` `"epoch"`',
        attributes={"interruption": AtStep(8), **arguments(eval_strategy="epoch", save_strategy="epoch")},
    ),
    TransformersCell("`eval_on_start=True`", {"validation_schedule": "step 6"}, arguments(eval_on_start=True)),
    TransformersCell(
        "another `seed` in the resume phase, the same `data_seed` (`resume_seed`)", attributes={"resume_seed": 7}
    ),
    TransformersCell("`dataloader_num_workers=2`", attributes=arguments(dataloader_num_workers=2)),
    TransformersCell(
        "the same with `dataloader_persistent_workers=True`",
        {"rng_state": "state 8"},
        arguments(dataloader_num_workers=2, dataloader_persistent_workers=True),
    ),
    TransformersCell("data that draw random numbers", {"rng_state": RESTORED}, {"noisy": True}),
    TransformersCell("the same, between two epochs", attributes={"noisy": True, "interruption": BOUNDARY}),
    TransformersCell(
        "the same, with `dataloader_num_workers=2`",
        {"train_input": FIRST_STEP},
        {"noisy": True, **arguments(dataloader_num_workers=2)},
    ),
    TransformersCell("`use_seedable_sampler=False`", {"train_input": FIRST_STEP}, NOT_SEEDABLE),
    TransformersCell("the same, amid the first epoch", attributes={"interruption": FIRST_EPOCH, **NOT_SEEDABLE}),
    TransformersCell("`ignore_data_skip=True`", {"train_input": FIRST_STEP}, arguments(ignore_data_skip=True)),
    TransformersCell("`logging_steps=5`", {"logged_metrics": "step 10"}, arguments(logging_steps=5)),
    TransformersCell("`save_only_model=True`", {**NOT_LOADED, "rng_state": RESTORED}, arguments(save_only_model=True)),
    TransformersCell("`optimizer.pt` is missing", NOT_LOADED, {"lost": ("optimizer.pt",)}),
    TransformersCell("`scheduler.pt` is missing", NOT_LOADED, {"lost": ("scheduler.pt",)}),
    TransformersCell("`rng_state.pth` is missing", {"rng_state": RESTORED}, {"lost": ("rng_state.pth",)}),
    TransformersCell("`trainer_state.json` is missing", {}, {"lost": ("trainer_state.json",)}, "FileNotFoundError"),
    TransformersCell("`trainer_state.json` is cut", {}, {"cut": ("trainer_state.json",)}, "JSONDecodeError"),
    TransformersCell("`model.safetensors` is cut", {}, {"cut": ("model.safetensors",)}, "SafetensorError"),
    TransformersCell("`optimizer.pt` is cut", {}, {"cut": ("optimizer.pt",)}, "RuntimeError"),
    TransformersCell("`scheduler.pt` is cut", {}, {"cut": ("scheduler.pt",)}, "RuntimeError"),
    TransformersCell("`rng_state.pth` is cut", {}, {"cut": ("rng_state.pth",)}, "OSError"),
    TransformersCell(
        "`EarlyStoppingCallback`",
        {"callback_state": RESTORED},
        {"patience": 100, **arguments(**PATIENCE)},
    ),
    TransformersCell(
        "the same with `restore_callback_states_from_checkpoint=True`",
        attributes={"patience": 100, **arguments(**PATIENCE, restore_callback_states_from_checkpoint=True)},
    ),
)
