"""A stop-and-go test for ``transformers.Trainer``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import torch
from transformers import Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_utils import get_last_checkpoint
from typing_extensions import override

from stopgo_mixins.backends.huggingface.bridge import TransformersBridge
from stopgo_mixins.backends.huggingface.loaders import change_loaders, move_validations
from stopgo_mixins.backends.huggingface.saved_state import TransformersSavedState
from stopgo_mixins.mode import Mode
from stopgo_mixins.stop_and_go import StopAndGoMixin

__unittest = __tracebackhide__ = True  # keeps this module out of tracebacks: unittest's, and pytest's


class TransformersStopAndGoMixin(StopAndGoMixin, abstract=True):
    """Runs the phases with ``transformers.Trainer``, or with a class derived from it.

    ::

        class TestFineTuning(TransformersStopAndGoMixin, unittest.TestCase):
            num_steps = 12
            interruption = AtStep(5)

            @classmethod
            def setup_trainer(cls, mode):
                return make_my_trainer(output_dir=cls.run_directory(mode), max_steps=cls.num_steps)

    Whoever has no trainer yet defines ``setup_model`` instead, which returns the model and its training data set, or
    the model and a pair of training and evaluation data sets.
    The trainer needs no callback of this library.
    """

    _what_is_trained: ClassVar[Mapping[str, str]] = {
        "setup_trainer": "return Trainer(model, TrainingArguments(output_dir=cls.run_directory(mode), ...), ...)",
        "setup_model": "return Model(), training_data",
    }

    _preload = ("transformers", "stopgo_mixins.backends.huggingface.bridge")

    @classmethod
    def setup_trainer(cls, mode: Mode) -> Trainer:
        """A quiet trainer of what ``setup_model`` returns; override it to test your own."""
        model, data, *optimizer = cls.make_model(mode)
        training, evaluation = data if isinstance(data, tuple) else (data, None)
        trainer: Trainer = Trainer(
            model=model,
            args=TrainingArguments(**cls.training_arguments(mode)),
            train_dataset=training,
            eval_dataset=evaluation,
            optimizers=(optimizer[0] if optimizer else None, None),
        )
        return trainer

    @classmethod
    def training_arguments(cls, mode: Mode) -> dict[str, Any]:
        """Those of the default trainer, for a ``setup_trainer`` that changes a few.

        The trainer counts updates between validations, and evaluates the whole data set.
        """
        return {
            "output_dir": str(cls.run_directory(mode)),
            "max_steps": cls.num_steps,
            "learning_rate": cls.lr,
            "seed": cls.seed_of(mode),
            "data_seed": cls.seed,
            "eval_strategy": "no" if cls.val_check_interval is None else "steps",
            "eval_steps": cls.val_check_interval,
            "save_strategy": "no",
            "logging_steps": 1,
            "fp16": cls.precision == "16-mixed",
            "bf16": cls.precision == "bf16-mixed",
            "use_cpu": not torch.cuda.is_available(),
            "report_to": "none",
            "disable_tqdm": True,
        }

    @override
    @classmethod
    def find_checkpoint(cls, trainer: Trainer) -> str | None:
        """The one of the highest step in ``output_dir``, as ``train(resume_from_checkpoint=True)`` finds it."""
        found: str | None = get_last_checkpoint(trainer.args.output_dir)
        return found

    @classmethod
    def train(cls, mode: Mode) -> None:
        """Builds the trainer anew and trains, from the checkpoint if there is one."""
        trainer = cls.make_trainer(mode)
        cls.require_new("model", trainer.model, mode, "setup_trainer")
        for callback in cls.callbacks[mode].values():
            if isinstance(callback, TrainerCallback):
                trainer.add_callback(callback)
        with TransformersBridge(trainer, cls.plan(mode)).listening():
            trainer.train(resume_from_checkpoint=cls.resume_checkpoint() if mode is Mode.RESUME else None)

    @override
    @classmethod
    def read_checkpoint(cls, path: str) -> TransformersSavedState:
        """Reads a checkpoint directory."""
        return TransformersSavedState(path)

    @override
    @classmethod
    def change_loaders(cls, trainer: Trainer, training: Callable[[Any], Any], validation: Callable[[Any], Any]) -> None:
        """Lets a trainer read what the two functions make of its loaders."""
        change_loaders(trainer, training, validation)

    @override
    @classmethod
    def move_validations(cls, trainer: Trainer, micro_batches: int) -> None:
        """Lets every evaluation come so many updates later."""
        move_validations(trainer, micro_batches)
