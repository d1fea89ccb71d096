"""A small T5 that continues Python's documentation, byte by byte, trained by NeMo 2 with Megatron."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from megatron.core.models.T5.t5_spec import decoder_model_with_local_spec, encoder_model_with_local_spec
from megatron.core.transformer.torch_norm import WrappedTorchNorm
from megatron.core.transformer.transformer_block import TransformerBlockSubmodules
from nemo.collections.llm.t5.model.t5 import T5Config, T5Model
from torch import Tensor
from torch.utils.data import Dataset

from examples.megatron_text import VOCAB_SIZE, ByteTextDataModule
from stopgo_mixins import cpu_settings


class ContinuationDataset(Dataset[dict[str, Tensor]]):
    """A window of a text for the encoder, and what follows it for the decoder.

    Args:
        text: the bytes, shape ``(bytes,)``.
        length: tokens of the encoder.
        continuation: tokens of the decoder.
    """

    def __init__(self, text: Tensor, length: int, continuation: int) -> None:
        self.text = text
        self.length = length
        self.continuation = continuation

    def __len__(self) -> int:
        return (len(self.text) - self.continuation - 1) // self.length

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        end = (index + 1) * self.length
        continuation = self.text[end - 1 : end + self.continuation]
        # Megatron masks where a mask is true.
        return {
            "text_enc": self.text[end - self.length : end],
            "text_dec": continuation[:-1],
            "labels": continuation[1:],
            "loss_mask": torch.ones(self.continuation),
            "enc_mask": torch.zeros(1, self.length, self.length, dtype=torch.bool),
            "dec_mask": torch.ones(1, self.continuation, self.continuation, dtype=torch.bool).triu(diagonal=1),
            "enc_dec_mask": torch.zeros(1, self.continuation, self.length, dtype=torch.bool),
        }


class ContinuationDataModule(ByteTextDataModule):
    """The same text, cut for an encoder and a decoder."""

    continuation = 16

    def dataset(self, text: Tensor) -> Dataset[dict[str, Tensor]]:
        return ContinuationDataset(text, self.seq_length, self.continuation)


def read_batch(batches: Iterator[Any]) -> dict[str, Tensor]:
    """Reads a micro-batch whose masks are complete; NeMo's own function makes those for Transformer Engine."""
    batch = next(batches)
    tensors = batch[0] if isinstance(batch, tuple) else batch
    return {name: tensor.cuda(non_blocking=True) for name, tensor in tensors.items()}


def local_layers(encoder_config: T5Config, decoder_config: T5Config) -> list[TransformerBlockSubmodules]:
    """Encoder and decoder of torch's own layers; NeMo's function of this kind needs Transformer Engine all the same."""
    layers = [
        [encoder_model_with_local_spec()] * encoder_config.num_layers,
        [decoder_model_with_local_spec()] * decoder_config.num_layers,
    ]
    return [TransformerBlockSubmodules(specs, layer_norm=WrappedTorchNorm) for specs in layers]


def small_t5(seq_length: int = 32, dropout: float = 0.0) -> T5Model:
    """One layer of width 32 on either side.

    Args:
        seq_length: tokens of the encoder.
        dropout: of attention and hidden states alike.
    """
    config = T5Config(
        num_layers=1,
        encoder_num_layers=1,
        hidden_size=32,
        ffn_hidden_size=64,
        num_attention_heads=2,
        seq_length=seq_length,
        seq_length_dec=ContinuationDataModule.continuation,
        max_position_embeddings=seq_length,
        vocab_size=VOCAB_SIZE,
        hidden_dropout=dropout,
        attention_dropout=dropout,
        transformer_layer_spec=local_layers,
        data_step_fn=read_batch,
        **cpu_settings(),
    )
    return T5Model(config)
