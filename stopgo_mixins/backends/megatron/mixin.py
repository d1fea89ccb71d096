"""A stop-and-go test for a model of NeMo 2, on Megatron.

NeMo is imported where it is used, so that a test module can be read, and its classes skipped, where there is none.
"""

from __future__ import annotations

import dataclasses
import unittest
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from lightning.pytorch import Callback
from torch.distributed.checkpoint.api import CheckpointException
from typing_extensions import override

from stopgo_mixins.backends.fit_loop.loops import change_loaders
from stopgo_mixins.backends.fit_loop.registered import require_bridge, require_ranks, require_registration
from stopgo_mixins.backends.megatron.availability import missing_nemo
from stopgo_mixins.backends.megatron.consumed_samples import MegatronConsumedSamplesRecorder
from stopgo_mixins.backends.megatron.environment import megatron_environment
from stopgo_mixins.backends.megatron.optimizers import require_savable
from stopgo_mixins.backends.megatron.preemption import Preemption
from stopgo_mixins.bridge.plan import PhasePlan
from stopgo_mixins.events import Moment
from stopgo_mixins.faults.saved_state import SavedState
from stopgo_mixins.isolation.run_directory import directory_name
from stopgo_mixins.mixins.registry import Callbacks, get_callback
from stopgo_mixins.mode import Mode
from stopgo_mixins.recorders.recorder import Recorder
from stopgo_mixins.stop_and_go import StopAndGoMixin

if TYPE_CHECKING:
    import nemo.lightning as nl

__unittest = __tracebackhide__ = True  # keeps this module out of tracebacks: unittest's, and pytest's


class MegatronStopAndGoMixin(StopAndGoMixin, abstract=True):
    """Runs the phases with ``nemo.collections.llm.train`` and ``MegatronStrategy``.

    ::

        class TestGPT(MegatronStopAndGoMixin, unittest.TestCase):
            num_steps = 8
            val_check_interval = 4

            @classmethod
            def setup_model(cls, mode):
                return GPTModel(config), DataModule(), MegatronOptimizerModule(OptimizerConfig(lr=cls.lr))

    The same class trains on a GPU where there is one, else on the CPU; only the configuration of the model may have to
    differ, for which there is :func:`~stopgo_mixins.cpu_settings`.
    Where NeMo 2 is missing the class is skipped.

    Attributes:
        nemo_logger: decides where NeMo puts checkpoints and logs; made in ``setUpClass`` by :meth:`setup_logger`.
    """

    trainer_callback: ClassVar[type] = Callback
    metrics: ClassVar[Mapping[str, type[Recorder] | None]] = {"consumed_samples": MegatronConsumedSamplesRecorder}
    nemo_logger: ClassVar[nl.NeMoLogger]

    _preload = ("nemo.lightning", "nemo.collections.llm", "stopgo_mixins.backends.megatron.bridge")

    @override
    @classmethod
    def setUpClass(cls) -> None:
        reason = missing_nemo()
        if reason:
            raise unittest.SkipTest(reason)
        super().setUpClass()

    @classmethod
    def get_default_callbacks(cls) -> Callbacks:
        """The recorders, NeMo's checkpoint callback except in the continuous phase, and the bridge."""
        from nemo.lightning.pytorch.callbacks import ModelCheckpoint, PreemptionCallback

        from stopgo_mixins.backends.megatron.bridge import MegatronBridge
        from stopgo_mixins.backends.megatron.seeding import PhaseSeed

        callbacks = super().get_default_callbacks()
        for mode, registered in callbacks.items():
            registered[PhaseSeed] = PhaseSeed(cls._starting_seed(mode))
            if mode is not Mode.CONTINUOUS:
                registered[ModelCheckpoint] = ModelCheckpoint(
                    save_last=True, monitor="val_loss", save_top_k=2, always_save_context=True
                )
            registered[MegatronBridge] = MegatronBridge()
        first, *later = cls._all_interruptions()
        for mode, interruptions in ((Mode.STOP, [first]), (Mode.RESUME, later)):
            for interruption in interruptions:
                if isinstance(interruption, Preemption):
                    callbacks[mode][PreemptionCallback] = PreemptionCallback(interruption.by)
        return callbacks

    @classmethod
    def setup_trainer(cls, mode: Mode) -> nl.Trainer:
        """NeMo's trainer for ``devices_of(mode)`` ranks; override it to test your own."""
        import nemo.lightning as nl

        return nl.Trainer(**cls.trainer_arguments(mode))

    @classmethod
    def trainer_arguments(cls, mode: Mode) -> dict[str, Any]:
        """The arguments of the default trainer, for a ``setup_trainer`` that changes a few."""
        import nemo.lightning as nl

        return {
            "devices": cls.devices_of(mode),
            "num_nodes": 1,
            "accelerator": "gpu" if torch.cuda.is_available() else "cpu",
            "strategy": nl.MegatronStrategy(**cls.strategy_arguments(mode)),
            "plugins": nl.MegatronMixedPrecision(cls.precision),
            "max_steps": cls.num_steps,
            "val_check_interval": cls.val_check_interval,
            "check_val_every_n_epoch": None if cls.val_check_interval is not None else 1,
            "limit_val_batches": cls.limit_val_batches if cls.val_check_interval is not None else 0,
            "log_every_n_steps": cls.val_check_interval or cls.num_steps,
            "callbacks": list(cls.callbacks[mode].values()),
            "logger": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "num_sanity_val_steps": 0,
        }

    @classmethod
    def strategy_arguments(cls, mode: Mode) -> dict[str, Any]:
        """The arguments of the default strategy, for a ``setup_trainer`` that changes a few."""
        return {
            "ddp": "megatron",
            "find_unused_parameters": True,
            "ckpt_save_optimizer": True,
            "ckpt_load_optimizer": True,
            "ckpt_async_save": False,
            "process_group_backend": "nccl" if torch.cuda.is_available() else "gloo",
        }

    @classmethod
    def setup_logger(cls) -> nl.NeMoLogger:
        """NeMo's logger, named after the class and without a version directory."""
        import nemo.lightning as nl

        return nl.NeMoLogger(name=directory_name(cls.exp_name), use_datetime_version=False)

    @classmethod
    def setup_resume(cls, mode: Mode) -> nl.AutoResume | None:
        """What NeMo is told about resuming, with the checkpoint to load; nothing in the continuous phase.

        Left to itself ``AutoResume`` would load the directory that was changed last, such as one that NeMo wrote only
        because the run was stopped.
        """
        import nemo.lightning as nl

        if mode is Mode.CONTINUOUS:
            return None
        checkpoint = cls.resume_checkpoint() if mode is Mode.RESUME else None
        resuming = checkpoint is not None
        return nl.AutoResume(
            resume_from_path=checkpoint, resume_if_exists=resuming, resume_ignore_no_checkpoint=not resuming
        )

    @override
    @classmethod
    def find_checkpoint(cls, trainer: Any) -> str | None:
        """What NeMo's ``AutoResume`` finds with ``resume_if_exists=True, resume_ignore_no_checkpoint=True``."""
        import nemo.lightning as nl

        directory = str(cls.plan(Mode.RESUME).checkpoint_directory)
        found = nl.AutoResume(
            resume_from_directory=directory, resume_if_exists=True, resume_ignore_no_checkpoint=True
        ).get_trainer_ckpt_path()
        return None if found is None else str(found)

    @override
    @classmethod
    def read_checkpoint(cls, path: str) -> SavedState:
        from stopgo_mixins.backends.megatron.faults import MegatronSavedState

        return MegatronSavedState(path, cls._micro_batches_per_update())

    @classmethod
    def _micro_batches_per_update(cls) -> int:
        """As many as the stop phase recorded; one where it recorded none."""
        trace = cls.trace(Mode.STOP).ranks[0]
        keys = (record.key for metric in trace.metrics for record in trace.records(metric))
        return 1 + max((key.ordinal[0] for key in keys if key.moment is Moment.MICRO_BATCH), default=0)

    @override
    @classmethod
    def change_loaders(cls, trainer: Any, training: Callable[[Any], Any], validation: Callable[[Any], Any]) -> None:
        change_loaders(trainer, training, validation)

    @override
    @classmethod
    def move_validations(cls, trainer: Any, micro_batches: int) -> None:
        from stopgo_mixins.backends.megatron.faults import move_validations

        move_validations(trainer, micro_batches)

    @override
    @classmethod
    def run_stop_and_go(cls) -> None:
        cls.nemo_logger = cls.setup_logger()
        super().run_stop_and_go()

    @override
    @classmethod
    def plan(cls, mode: Mode) -> PhasePlan:
        directory = cls.run_directory(mode) / cls.nemo_logger.name / "checkpoints"  # where AutoResume looks
        return dataclasses.replace(super().plan(mode), checkpoint_directory=directory)

    @staticmethod
    def _leave_out_of_context(trainer: Any) -> None:
        """NeMo writes into each checkpoint how to build the trainer again; the test is no part of that."""
        from stopgo_mixins.backends.megatron.bridge import MegatronBridge
        from stopgo_mixins.backends.megatron.seeding import PhaseSeed

        context = trainer.__io__
        own = (Recorder, MegatronBridge, PhaseSeed)
        context.callbacks = [callback for callback in context.callbacks if not isinstance(callback, own)]

    @override
    @classmethod
    def train(cls, mode: Mode) -> None:
        with megatron_environment():
            try:
                cls._train(mode)
            except CheckpointException as error:  # torch derives it from BaseException: it would end the whole suite
                raise RuntimeError(f"a checkpoint could not be written or read: {error}") from error

    @classmethod
    def _train(cls, mode: Mode) -> None:
        from nemo.collections import llm

        from stopgo_mixins.backends.megatron.bridge import MegatronBridge

        model, data, *returned = cls.make_model(mode)
        optimizer = next(iter(returned), None)
        if mode is not Mode.CONTINUOUS:  # which saves nothing
            require_savable(cls.__name__, model, optimizer)
        trainer: Any = cls.make_trainer(mode)
        bridge: MegatronBridge = get_callback(cls.callbacks, mode, MegatronBridge)
        require_bridge(cls.__name__, trainer, bridge)
        require_ranks(cls.__name__, trainer, cls.devices_of(mode))
        require_registration(cls.__name__, trainer, cls.callbacks[mode].values())
        cls._leave_out_of_context(trainer)
        log = dataclasses.replace(cls.nemo_logger, log_dir=str(cls.run_directory(mode)))
        with bridge.listening(cls.plan(mode)):
            llm.train(
                model=model,
                data=data,
                trainer=trainer,
                log=log,
                resume=cls.setup_resume(mode),
                optim=optimizer,
            )
