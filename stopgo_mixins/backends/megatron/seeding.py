"""The seed of the phase, once NeMo has set its own."""

from __future__ import annotations

from lightning.pytorch import Callback, LightningModule, Trainer
from megatron.core.tensor_parallel.random import get_cuda_rng_tracker, model_parallel_cuda_manual_seed
from typing_extensions import override

from stopgo_mixins.isolation.seeding import seed_everything


class PhaseSeed(Callback):
    """Seeds the phase after ``MegatronStrategy`` has set up its process group, and before the model is made.

    The strategy seeds every run with the same constant, so that the seed of the phase, and above all another one for
    the resume, would be lost without a word.

    Args:
        seed: of the phase.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    @override
    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        seed_everything(self.seed)
        if get_cuda_rng_tracker().get_states():
            model_parallel_cuda_manual_seed(self.seed)
