"""A stop-and-go test for a plain LightningModule."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from typing_extensions import override

from stopgo_mixins.backends.fit_loop.loops import change_loaders, move_validations
from stopgo_mixins.backends.fit_loop.package import Callback, is_a, package_of
from stopgo_mixins.backends.fit_loop.registered import (
    require_bridge,
    require_optimizer,
    require_ranks,
    require_registration,
)
from stopgo_mixins.backends.lightning.bridge import LightningBridge
from stopgo_mixins.backends.lightning.saved_state import LightningSavedState
from stopgo_mixins.mixins.registry import Callbacks, get_callback
from stopgo_mixins.mode import Mode
from stopgo_mixins.stop_and_go import StopAndGoMixin

if TYPE_CHECKING:
    from lightning.pytorch import LightningModule, Trainer

__unittest = __tracebackhide__ = True  # keeps this module out of tracebacks: unittest's, and pytest's


class LightningStopAndGoMixin(StopAndGoMixin, abstract=True):
    """Runs the phases with the ``Trainer`` of ``lightning.pytorch``, or of ``pytorch_lightning`` for its modules.

    ::

        class TestDigits(LightningStopAndGoMixin, unittest.TestCase):
            num_steps = 12
            val_check_interval = 4

            @classmethod
            def setup_model(cls, mode):
                return DigitsClassifier(lr=cls.lr), DigitsDataModule()

    The data may be a ``LightningDataModule``, a training loader, or a pair of training and validation loaders.

    Attributes:
        fit_arguments: further arguments of ``Trainer.fit``, such as ``{"weights_only": False}`` for checkpoints that
            hold objects of your own, which Lightning 2.6 refuses to load otherwise.
        lightning: the package whose module ``setup_model`` has returned; ``setup_trainer`` takes its ``Trainer``.
    """

    trainer_callback: ClassVar[type] = Callback
    fit_arguments: ClassVar[Mapping[str, Any]] = {}
    lightning: ClassVar[Any]

    _preload = (Callback.__module__.partition(".callbacks")[0], "stopgo_mixins.backends.lightning.bridge")

    @classmethod
    def get_default_callbacks(cls) -> Callbacks:
        """The recorders, and the bridge that feeds them."""
        callbacks = super().get_default_callbacks()
        for registered in callbacks.values():
            registered[LightningBridge] = LightningBridge()
        return callbacks

    @classmethod
    def setup_trainer(cls, mode: Mode) -> Trainer:
        """A quiet trainer for ``devices_of(mode)`` ranks, without a ``ModelCheckpoint`` of Lightning's.

        Override it to test your own.
        """
        arguments = cls.trainer_arguments(mode)
        has_checkpoints = any(is_a(callback, "Checkpoint") for callback in arguments["callbacks"])
        trainer: Trainer = cls.lightning.Trainer(**{"enable_checkpointing": has_checkpoints, **arguments})
        return trainer

    @classmethod
    def trainer_arguments(cls, mode: Mode) -> dict[str, Any]:
        """The arguments of the default trainer, for a ``setup_trainer`` that changes a few."""
        return {
            "max_steps": cls.num_steps,
            "val_check_interval": cls.val_check_interval,
            "check_val_every_n_epoch": None if cls.val_check_interval is not None else 1,
            "limit_val_batches": cls.limit_val_batches if cls.val_check_interval is not None else 0,
            "precision": cls.precision,
            "accelerator": "gpu" if torch.cuda.is_available() else "cpu",
            "devices": cls.devices_of(mode),
            "strategy": "auto" if cls.devices_of(mode) == 1 else "ddp",
            "callbacks": list(cls.callbacks[mode].values()),
            "default_root_dir": cls.run_directory(mode),
            "logger": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "num_sanity_val_steps": 0,
        }

    @classmethod
    def train(cls, mode: Mode) -> None:
        """Builds model, data and trainer anew and fits."""
        model, data, *optimizer = cls.make_model(mode)
        cls.lightning = package_of(model)
        if optimizer:
            require_optimizer(cls.__name__, optimizer[0])
            model.configure_optimizers = lambda: optimizer[0]
        trainer = cls.make_trainer(mode)
        bridge: LightningBridge = get_callback(cls.callbacks, mode, LightningBridge)
        require_bridge(cls.__name__, trainer, bridge)
        require_registration(cls.__name__, trainer, cls.callbacks[mode].values())
        require_ranks(cls.__name__, trainer, cls.devices_of(mode))
        with bridge.listening(cls.plan(mode)):
            cls.fit(trainer, model, data, cls.resume_checkpoint() if mode is Mode.RESUME else None)

    @classmethod
    def fit(cls, trainer: Trainer, model: LightningModule, data: Any, checkpoint: str | None) -> None:
        """Trains, from the checkpoint if there is one.

        Raises:
            pickle.UnpicklingError: when the checkpoint holds objects that Lightning loads only when it is told to.
        """
        if is_a(data, "LightningDataModule"):
            given = {"datamodule": data}
        else:
            train, validation = data if isinstance(data, tuple) else (data, None)
            given = {"train_dataloaders": train, "val_dataloaders": validation}
        try:
            trainer.fit(model, **given, ckpt_path=checkpoint, **cls.fit_arguments)
        except UnpicklingError as error:
            raise UnpicklingError(
                "the checkpoint holds objects other than tensors, numbers, strings, lists and dicts, perhaps "
                'among the hyper-parameters. If you trust it, write fit_arguments = {"weights_only": False} in '
                f"{cls.__name__}. {error}"
            ) from error

    @override
    @classmethod
    def find_checkpoint(cls, trainer: Trainer) -> str | None:
        """``"last"`` where a ``ModelCheckpoint`` saves it, else the ``.ckpt`` that was changed last."""
        if any(getattr(callback, "save_last", None) for callback in trainer.checkpoint_callbacks):
            return "last"
        found = cls.run_directory(Mode.RESUME).rglob("*.ckpt")
        return max(map(str, found), key=os.path.getmtime, default=None)

    @override
    @classmethod
    def read_checkpoint(cls, path: str) -> LightningSavedState:
        return LightningSavedState(path)

    @override
    @classmethod
    def change_loaders(cls, trainer: Trainer, training: Callable[[Any], Any], validation: Callable[[Any], Any]) -> None:
        change_loaders(trainer, training, validation)

    @override
    @classmethod
    def move_validations(cls, trainer: Trainer, micro_batches: int) -> None:
        move_validations(trainer, micro_batches)
