"""A stop-and-go test for a loop with Lightning Fabric."""

from __future__ import annotations

from typing import ClassVar

from typing_extensions import override

from stopgo_mixins.backends.fabric.run import FabricRun
from stopgo_mixins.backends.loop.mixin import LoopPhasesMixin

__unittest = __tracebackhide__ = True  # keeps this module out of tracebacks: unittest's, and pytest's


class FabricStopAndGoMixin(LoopPhasesMixin, abstract=True):
    """Runs the phases with the loop that ``train_loop`` is, and listens to its Fabric.

    ::

        class TestLoop(FabricStopAndGoMixin, unittest.TestCase):
            num_steps = 12
            interruption = AtStep(5)

            @classmethod
            def train_loop(cls, run):
                fabric = Fabric(accelerator="cpu")
                run.listen_to(fabric)
                model, optimizer = fabric.setup(*model_and_optimizer())
                run.watch(model, optimizer)
                ...
    """

    _preload = ("stopgo_mixins.backends.fabric.run",)
    _run_class: ClassVar[type[FabricRun]] = FabricRun

    @override
    @classmethod
    def train_loop(cls, run: FabricRun) -> None:
        """Builds everything anew, loads ``run.resume_from`` if there is one, and trains to ``run.num_steps``."""
        raise NotImplementedError
