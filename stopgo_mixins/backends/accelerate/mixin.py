"""A stop-and-go test for a loop with Accelerate."""

from __future__ import annotations

from typing import ClassVar

from accelerate.state import AcceleratorState, GradientState
from typing_extensions import override

from stopgo_mixins.backends.accelerate.run import AccelerateRun
from stopgo_mixins.backends.loop.mixin import LoopPhasesMixin
from stopgo_mixins.mode import Mode

__unittest = __tracebackhide__ = True  # keeps this module out of tracebacks: unittest's, and pytest's


class AccelerateStopAndGoMixin(LoopPhasesMixin, abstract=True):
    """Runs the phases with the loop that ``train_loop`` is, and listens to its Accelerator.

    ::

        class TestLoop(AccelerateStopAndGoMixin, unittest.TestCase):
            num_steps = 12
            interruption = AtStep(5)

            @classmethod
            def train_loop(cls, run):
                accelerator = Accelerator()
                run.listen_to(accelerator)
                model, optimizer, loader = accelerator.prepare(*model_optimizer_and_loader())
                run.watch(model, optimizer)
                ...
    """

    _preload = ("accelerate", "stopgo_mixins.backends.accelerate.run")
    _run_class: ClassVar[type[AccelerateRun]] = AccelerateRun

    @override
    @classmethod
    def train_loop(cls, run: AccelerateRun) -> None:
        """Builds everything anew, loads ``run.resume_from`` if there is one, and trains to ``run.num_steps``."""
        raise NotImplementedError

    @override
    @classmethod
    def train(cls, mode: Mode) -> None:
        """Runs the loop; what accelerators share in a process, such as the loader at hand, begins anew."""
        AcceleratorState._reset_state(reset_partial_state=True)
        GradientState._reset_state()
        super().train(mode)
