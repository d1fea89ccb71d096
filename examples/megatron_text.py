"""Byte-level text that ships with Python, behind a NeMo data module that a run can resume exactly."""

from __future__ import annotations

from collections.abc import Mapping
from pydoc_data.topics import topics
from typing import Any

import lightning.pytorch as pl
import torch
from nemo.lightning.data import WrappedDataLoader
from nemo.lightning.pytorch.plugins import MegatronDataSampler
from torch import Tensor
from torch.utils.data import Dataset

VOCAB_SIZE = 256


def python_documentation() -> Tensor:
    """All help topics of Python as one tensor of bytes."""
    text = "\n".join(topics[name] for name in sorted(topics))
    return torch.tensor(list(text.encode()), dtype=torch.long)


class ByteTextDataset(Dataset[dict[str, Tensor]]):
    """Consecutive windows of a text; each byte is a token, and each token's label is the next one.

    Args:
        text: the bytes, shape ``(bytes,)``.
        seq_length: tokens per sample.
    """

    def __init__(self, text: Tensor, seq_length: int) -> None:
        self.text = text
        self.seq_length = seq_length
        self.positions = torch.arange(seq_length)
        # Megatron masks where the mask is true.
        self.mask = torch.ones(1, seq_length, seq_length, dtype=torch.bool).triu(diagonal=1)

    def __len__(self) -> int:
        return (len(self.text) - 1) // self.seq_length

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        window = self.text[index * self.seq_length : (index + 1) * self.seq_length + 1]
        return {
            "tokens": window[:-1],
            "labels": window[1:],
            "loss_mask": torch.ones(self.seq_length),
            "position_ids": self.positions,
            "attention_mask": self.mask,
        }


class ByteTextDataModule(pl.LightningDataModule):
    """Trains on Python's help topics and validates on their last tenth.

    NeMo's own ``MockDataModule`` keeps no state; this one keeps the number of consumed samples in the checkpoint,
    which is all that Megatron's sampler needs to go on with the next one.

    Args:
        seq_length: tokens per sample.
        micro_batch_size: samples per micro-batch on one rank.
        global_batch_size: samples per optimizer update over all ranks.
    """

    def __init__(self, seq_length: int = 32, micro_batch_size: int = 2, global_batch_size: int = 4) -> None:
        super().__init__()
        self.seq_length = seq_length
        self.micro_batch_size = micro_batch_size
        self.global_batch_size = global_batch_size
        self.data_sampler = MegatronDataSampler(
            seq_len=seq_length,
            micro_batch_size=micro_batch_size,
            global_batch_size=global_batch_size,
        )

    def setup(self, stage: str) -> None:
        """Splits the text."""
        text = python_documentation()
        border = len(text) * 9 // 10
        self.train_text = self.dataset(text[:border])
        self.validation_text = self.dataset(text[border:])

    def dataset(self, text: Tensor) -> Dataset[dict[str, Tensor]]:
        """The samples of a part of the text; a model that wants other ones overrides it."""
        return ByteTextDataset(text, self.seq_length)

    def train_dataloader(self) -> WrappedDataLoader:
        """The sampler counts steps from where this run began."""
        if self.trainer is not None:
            self.data_sampler.init_global_step = self.trainer.global_step
        return WrappedDataLoader(mode="train", dataset=self.train_text)

    def val_dataloader(self) -> WrappedDataLoader:
        """Begins at the first sample in every validation."""
        return WrappedDataLoader(mode="validation", dataset=self.validation_text)

    def reconfigure_limit_batches(self) -> None:
        """Lightning counts what NeMo fetches: micro-batches."""
        if self.trainer is not None:
            self.trainer.limit_val_batches *= self.data_sampler.num_microbatches

    def state_dict(self) -> dict[str, Any]:
        """The number of samples that the run has consumed."""
        step = self.trainer.global_step if self.trainer is not None else 0
        sampler = self.data_sampler
        return {"consumed_samples": sampler.compute_consumed_samples(step - sampler.init_global_step)}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Lets the sampler go on with the next sample."""
        self.data_sampler.init_consumed_samples = state_dict["consumed_samples"]
        self.data_sampler.prev_consumed_samples = state_dict["consumed_samples"]
        self.data_sampler.if_first_step = 1
