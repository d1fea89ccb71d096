"""What users copy and pickle while a phase runs: module, children, callbacks; nothing of ours comes along."""

from __future__ import annotations

import copy
import io
import pickle
import pickletools
import unittest
from typing import Any, ClassVar

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, nn

from tests.lightning.test_modules import ModuleCase
from tests.outcome import concrete, run
from tests.tiny import TRUSTING, TinyMixin, TinyModule, tiny_loaders


class BestWeights(TinyModule):
    """Keeps a copy of its head in memory, as for a moving average, and calls it in every step."""

    def __init__(self, lr: float) -> None:
        super().__init__(lr)
        self.kept: list[nn.Module] = []

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        self.kept[:] = [copy.deepcopy(self.head)]
        self.kept[0](self.body(batch[0]).detach())
        return super().training_step(batch, batch_idx)


class ModuleInHyperParameters(LightningModule):
    """As templates do: the network is an argument, and ``save_hyperparameters`` puts it into every checkpoint."""

    def __init__(self, network: nn.Module, lr: float) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.network, self.lr = network, lr

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        return nn.functional.mse_loss(self.network(batch[0]), batch[1])

    def configure_optimizers(self) -> Any:
        return torch.optim.AdamW(self.parameters(), lr=self.lr)


class Copying(Callback):
    """Copies and pickles everything that a user has a hold of."""

    def __init__(self) -> None:
        self.pickled: list[bytes] = []
        self.copied: list[Any] = []

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_args: Any) -> None:
        self.pickled.append(pickle.dumps(pl_module.head))
        self.pickled.append(pickle.dumps(copy.deepcopy(pl_module)))
        buffer = io.BytesIO()
        torch.save(pl_module.body, buffer)
        self.copied.append(copy.deepcopy(trainer.callbacks))
        self.copied.append(copy.deepcopy(trainer.optimizers))


class CopyingMixin(TinyMixin, abstract=True):
    copying: ClassVar[list[Copying]]
    unsaved: ClassVar = {"Copying": "what it has copied is looked at after the phase"}

    @classmethod
    def get_default_callbacks(cls) -> Any:
        callbacks = super().get_default_callbacks()
        cls.copying = []
        for registered in callbacks.values():
            registered[Copying] = Copying()
            cls.copying.append(registered[Copying])
        return callbacks


class TestCopies(ModuleCase):
    def test_a_copied_child_that_is_called_is_not_taken_for_the_model(self) -> None:
        self.clean_run(BestWeights)
        self.assertEqual({path for path in self.case.recorded["train_output"] if "head" in path}, {"module['head'](0)"})

    def test_nothing_of_ours_is_in_any_copy(self) -> None:
        case: Any = concrete(CopyingMixin)
        outcome = run(case)
        self.assertEqual((outcome.failed, outcome.error), ({}, ""))
        for copying in case.copying:
            self.assertTrue(copying.pickled)
            for pickled in copying.pickled:
                strings = {str(value) for _, value, _ in pickletools.genops(pickled) if isinstance(value, str)}
                self.assertEqual({name for name in strings if name.startswith("stopgo_mixins")}, set())


class TestHyperParameters(ModuleCase):
    def test_a_module_among_them(self) -> None:
        def setup_model(_cls: type, _mode: object) -> tuple[Any, ...]:
            return ModuleInHyperParameters(nn.Linear(3, 1), 1e-2), tiny_loaders()

        outcome = run(concrete(TinyMixin, setup_model=classmethod(setup_model), fit_arguments=TRUSTING))
        self.assertEqual((outcome.failed, outcome.error), ({}, ""))


if __name__ == "__main__":
    unittest.main()
