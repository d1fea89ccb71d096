"""The classes of the CPU on a GPU, where nothing is redirected and Transformer Engine's layers are used if it is there.

make test-gpu
"""

from __future__ import annotations

import unittest

from stopgo_mixins import require_gpu, require_nemo
from tests.megatron.cases import GPTMixin


@require_gpu(1)
@require_nemo
class TestSinglePrecision(GPTMixin, unittest.TestCase):
    """fp32."""


@require_gpu(1)
@require_nemo
class TestMixedPrecisionWithDropout(GPTMixin, unittest.TestCase):
    """Dropout draws from Megatron's RNG tracker here, which a CPU run has none of."""

    precision = "bf16-mixed"
    dropout = 0.1
    resume_seed = 7
