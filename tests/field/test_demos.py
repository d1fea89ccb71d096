"""Lightning's own demos."""

from __future__ import annotations

import unittest
from typing import Any

import torch
from lightning.pytorch.demos.boring_classes import ManualOptimBoringModel, RandomDataset
from lightning.pytorch.demos.lstm import LightningLSTM, SimpleLSTM
from lightning.pytorch.demos.transformer import LightningTransformer, Transformer
from torchdata.stateful_dataloader import StatefulDataLoader

from tests.field.case import AT_ITS_END, BATCHES, FieldCase, loader

VOCABULARY = 13


class SmallTransformer(LightningTransformer):
    """The demo's, at a size for tests."""

    def __init__(self) -> None:
        super(LightningTransformer, self).__init__()
        self.model = Transformer(vocab_size=VOCABULARY, ninp=8, nhead=2, nhid=8, nlayers=1)

    def prepare_data(self) -> None:
        """Nothing is downloaded."""


class SmallLSTM(LightningLSTM):
    """The demo's, which carries the hidden state from batch to batch in an attribute."""

    def __init__(self) -> None:
        super().__init__(VOCABULARY)
        self.model = SimpleLSTM(VOCABULARY, ninp=4, nhid=4, nlayers=2)

    def prepare_data(self) -> None:
        """Nothing is downloaded."""

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=1.0)


class Remembering(SmallLSTM):
    """The hidden state is in the checkpoint."""

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["hidden"] = self.hidden

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.hidden = checkpoint["hidden"]


def texts() -> StatefulDataLoader[Any]:
    tokens = torch.arange(2 * BATCHES * 7).reshape(-1, 7) ** 2 % VOCABULARY
    return loader(tokens[:, :-1], tokens[:, 1:])


def drawn_samples() -> RandomDataset:
    """Drawn from the global generator, and yet the same whatever the phase starts from."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return RandomDataset(32, 8)


class TestDemos(FieldCase):
    def test_transformer(self) -> None:
        outcome = self.clean(lambda: (SmallTransformer(), texts()))
        self.assertLessEqual({"train_output", "rng_state", "parameters"}, outcome.passed)

    def test_lstm_whose_hidden_state_is_lost(self) -> None:
        outcome = self.verdicts(lambda: (SmallLSTM(), texts()))
        self.root_cause(outcome, "unsaved_state", "state 3 (restored), rank 0: model.hidden")
        self.assertIn("parameters", outcome.failed)

    def test_lstm_at_an_epoch_end_where_it_is_reset(self) -> None:
        self.clean(lambda: (SmallLSTM(), texts()), stop_at=AT_ITS_END)

    def test_lstm_whose_hidden_state_is_saved(self) -> None:
        outcome = self.clean(lambda: (Remembering(), texts()))
        self.assertLessEqual({"train_output", "logged_metrics", "parameters"}, outcome.passed)

    def test_manual_optimization(self) -> None:
        self.clean(lambda: (ManualOptimBoringModel(), StatefulDataLoader(drawn_samples(), batch_size=2)))


if __name__ == "__main__":
    unittest.main()
