"""A stop-and-go test for a training loop of one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from typing_extensions import override

from stopgo_mixins.backends.loop.run import LoopRun
from stopgo_mixins.backends.loop.saved_state import LoopSavedState
from stopgo_mixins.mode import Mode
from stopgo_mixins.recorders.recorder import Recorder
from stopgo_mixins.stop_and_go import StopAndGoMixin

__unittest = __tracebackhide__ = True  # keeps this module out of tracebacks: unittest's, and pytest's


class LoopPhasesMixin(StopAndGoMixin, abstract=True):
    """Runs the phases with the function ``train_loop``, which is given a run to talk to.

    The loop's counters are variables of a function, which nobody can read: what it says of them by ``run.progress``
    is ``loop_progress``, and there is no ``global_step`` and no ``consumed_samples`` to compare.
    """

    metrics: ClassVar[Mapping[str, type[Recorder] | None]] = {"global_step": None, "consumed_samples": None}

    _preload: ClassVar[tuple[str, ...]] = ("stopgo_mixins.backends.loop.run",)
    _run_class: ClassVar[type[LoopRun]] = LoopRun
    """What ``train_loop`` is given."""
    _what_is_trained: ClassVar[Mapping[str, str]] = {
        "train_loop": "run.watch(model, optimizer)\n        for batch in run.batches(loader):\n            ..."
    }

    @classmethod
    def train_loop(cls, run: Any) -> None:
        """Builds everything anew, loads ``run.resume_from`` if there is one, and trains to ``run.num_steps``."""
        raise NotImplementedError

    @classmethod
    def train(cls, mode: Mode) -> None:
        """Runs the loop."""
        run = cls.make_trainer(mode)
        with run.listening():
            cls.train_loop(run)

    @classmethod
    def setup_trainer(cls, mode: Mode) -> LoopRun:
        """What the loop is given."""
        checkpoint = cls.resume_checkpoint() if mode is Mode.RESUME else None
        return cls._run_class(
            cls.plan(mode),
            cls.run_directory(mode),
            None if checkpoint is None else Path(checkpoint),
            lambda name, part: cls.require_new(name, part, mode, "train_loop"),
        )

    @override
    @classmethod
    def read_checkpoint(cls, path: str) -> LoopSavedState:
        """Reads a checkpoint of torch and safetensors files, however the loop calls what is in them."""
        return LoopSavedState(path)

    @override
    @classmethod
    def change_loaders(cls, trainer: LoopRun, training: Callable[[Any], Any], validation: Callable[[Any], Any]) -> None:
        """Lets the loop read what the two functions make of its loaders."""
        trainer.training_source = training(trainer.training_source)
        trainer.validation_source = validation(trainer.validation_source)


class LoopStopAndGoMixin(LoopPhasesMixin, abstract=True):
    """Runs the phases with the loop that ``train_loop`` is.

    ::

        class TestLoop(LoopStopAndGoMixin, unittest.TestCase):
            num_steps = 12
            interruption = AtStep(5)

            @classmethod
            def train_loop(cls, run):
                model, optimizer, loader = ...
                run.watch(model, optimizer)
                if run.resume_from:
                    load(run.resume_from, model, optimizer)
                    run.loaded(run.resume_from)
                for batch in run.batches(loader):
                    loss = model(batch)
                    run.loss(loss)
                    loss.backward()
                    optimizer.step()
                    optimizer.zero_grad()
                    if it_is_time:
                        save(path, model, optimizer)
                        run.saved(path)

    It is interrupted at the first checkpoint that it writes at the place of ``interruption`` or behind it.
    """

    @classmethod
    def train_loop(cls, run: LoopRun) -> None:
        """Builds everything anew, loads ``run.resume_from`` if there is one, and trains to ``run.num_steps``."""
        raise NotImplementedError
