"""The small GPT on two ranks; a test module imports the module, so that no runner finds them."""

from __future__ import annotations

import unittest
from collections.abc import Mapping
from typing import Any, ClassVar

import torch

from stopgo_mixins import AtStep, Mode, Tolerance
from tests.megatron.cases import GPTMixin


class TwoRanksMixin(GPTMixin, abstract=True):
    num_steps = 4
    val_check_interval = 2
    interruption = AtStep(2)
    devices = 2
    phase_timeout = 300.0


class DataParallel(TwoRanksMixin, unittest.TestCase):
    pass


class ParallelMixin(TwoRanksMixin, abstract=True):
    parallel: ClassVar[Mapping[str, Any]]

    @classmethod
    def strategy_arguments(cls, mode: Mode) -> dict[str, Any]:
        return {**super().strategy_arguments(mode), **cls.parallel}


class TensorParallel(ParallelMixin, unittest.TestCase):
    parallel: ClassVar[Mapping[str, Any]] = {"tensor_model_parallel_size": 2}


class TensorParallelInBF16(TensorParallel):
    precision = "bf16-mixed"
    dropout = 0.1
    resume_seed = 7


class PipelineParallel(ParallelMixin, unittest.TestCase):
    parallel: ClassVar[Mapping[str, Any]] = {"pipeline_model_parallel_size": 2, "pipeline_dtype": torch.float32}


class TensorParallelResumedAsOne(TwoRanksMixin, unittest.TestCase):
    """Random numbers do not continue on another number of ranks, so none are drawn."""

    resume_devices = 1
    rng_remedy = False
    tolerances: ClassVar[Mapping[str, Tolerance]] = {
        metric: Tolerance(rtol=1e-5, atol=0.0) for metric in ("train_loss", "valid_loss")
    }

    @classmethod
    def strategy_arguments(cls, mode: Mode) -> dict[str, Any]:
        return {**super().strategy_arguments(mode), "tensor_model_parallel_size": cls.devices_of(mode)}
