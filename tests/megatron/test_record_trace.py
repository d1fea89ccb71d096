"""MegatronRecordTrace in real runs of NeMo's trainer on the small GPT."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path
from typing import Any

from stopgo_mixins import megatron_environment, require_nemo


@require_nemo
class TestRealRuns(unittest.TestCase):
    def train(self, directory: Path, lr: float) -> None:
        import nemo.lightning as nl
        from lightning.pytorch import seed_everything
        from nemo.collections import llm

        from examples.megatron_gpt import adam_with_warmup, small_gpt
        from examples.megatron_text import ByteTextDataModule
        from stopgo_mixins import MegatronRecordTrace

        seed_everything(1, verbose=False)
        trainer: Any = nl.Trainer(
            devices=1,
            num_nodes=1,
            accelerator="cpu",
            strategy=nl.MegatronStrategy(ddp="megatron", find_unused_parameters=True, process_group_backend="gloo"),
            plugins=nl.MegatronMixedPrecision("32"),
            max_steps=4,
            val_check_interval=2,
            check_val_every_n_epoch=None,
            limit_val_batches=1,
            log_every_n_steps=1,
            callbacks=[MegatronRecordTrace(directory / "trace", every_n_steps=2)],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )
        log = nl.NeMoLogger(name="run", log_dir=str(directory), ckpt=None, use_datetime_version=False)
        llm.train(
            model=small_gpt(dropout=0.1),
            data=ByteTextDataModule(),
            trainer=trainer,
            log=log,
            optim=adam_with_warmup(lr),
        )

    def test_two_runs(self) -> None:
        from stopgo_mixins.comparison.evidence import Verdict
        from stopgo_mixins.real_runs.recorded import recorded_runs
        from stopgo_mixins.real_runs.verdict import RunComparison, RunVerdict

        with tempfile.TemporaryDirectory() as temporary:
            directories = {name: Path(temporary, name) for name in ("one", "same", "other")}
            for name, directory in directories.items():
                with megatron_environment():
                    self.train(directory, lr=1e-3 if name != "other" else 2e-3)
            one, same, other = (directory / "trace" for directory in directories.values())
            found = RunComparison(recorded_runs([same], one))
            self.assertEqual((found.verdict, found.problems), (RunVerdict.SAME, {}))
            recorded = {"parameters", "optimizer_state", "gradients", "train_input", "train_loss", "rng_state"}
            self.assertLessEqual(recorded, found.of(Verdict.PASSED).keys())
            failed = RunComparison(recorded_runs([other], one)).of(Verdict.FAILED)
            self.assertLessEqual({"learning_rate", "parameters"}, failed.keys())
