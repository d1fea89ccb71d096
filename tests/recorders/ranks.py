"""What each of two processes runs; it imports no trainer, so that they start quickly."""

from __future__ import annotations

from pathlib import Path

import torch

from stopgo_mixins.recorders.exposure import SampleExposureRecorder


def continue_on_each_rank(rank: int, store: str, answers: str) -> None:
    """Saves a sum that differs between the ranks, and writes down what another recorder continues from."""
    torch.distributed.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
    recorder = SampleExposureRecorder()
    recorder._samples = 10 + rank
    resumed = SampleExposureRecorder()
    resumed.load_state_dict(recorder.state_dict())
    Path(answers, str(rank)).write_text(str(resumed._samples))
    torch.distributed.destroy_process_group()
