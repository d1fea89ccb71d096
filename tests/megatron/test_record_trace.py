"""MegatronRecordTrace in real runs of NeMo's trainer on the small GPT, one of which is interrupted and resumed."""

from __future__ import annotations

import contextlib
import tempfile
import unittest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning.pytorch import Callback, Trainer, seed_everything

from stopgo_mixins import MegatronRngStateCallback, megatron_environment, require_nemo
from stopgo_mixins.comparison.diagnosis.cause import Cause
from stopgo_mixins.comparison.evidence import Verdict
from stopgo_mixins.real_runs.recorded import recorded_runs
from stopgo_mixins.real_runs.verdict import RunComparison, RunVerdict

if TYPE_CHECKING:
    from collections.abc import Mapping

UPDATES, SAVED_AT = 4, 2


class SaveBehindValidation(Callback):
    """Saves when the validation that is due has run, beside what NeMo's callback has saved before it."""

    def __init__(self, checkpoint: Path) -> None:
        self.checkpoint = checkpoint

    def on_validation_end(self, trainer: Trainer, pl_module: Any) -> None:
        if trainer.global_step == SAVED_AT:
            trainer.save_checkpoint(self.checkpoint)


class Fail(Callback):
    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        if trainer.global_step == SAVED_AT + 1:
            raise MemoryError("no memory left")


@require_nemo
class TestRealRuns(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.directory = Path(directory.name)
        cls.train("whole")
        behind_validation = cls.directory / "behind-validation"
        with contextlib.suppress(MemoryError):
            cls.train("cut", SaveBehindValidation(behind_validation), Fail())
        (before_validation,) = (cls.directory / "cut").rglob("*step=1")  # as NeMo counts
        cls.train("exact", resume=behind_validation)
        cls.train("unrestored", resume=behind_validation, remedy=False)
        cls.train("early", resume=before_validation)

    @classmethod
    def train(cls, name: str, *callbacks: Callback, resume: Path | None = None, remedy: bool = True) -> None:
        import nemo.lightning as nl
        from nemo.collections import llm
        from nemo.lightning.pytorch.callbacks import ModelCheckpoint

        from examples.megatron_gpt import adam_with_warmup, small_gpt
        from examples.megatron_text import ByteTextDataModule
        from stopgo_mixins import MegatronRecordTrace

        seed_everything(1, verbose=False)
        directory = cls.directory / name
        often: dict[str, Any] = {
            "every_n_train_steps": SAVED_AT,
            "monitor": "step",
            "mode": "max",
            "filename": "{step}",
        }
        trainer: Any = nl.Trainer(
            devices=1,
            num_nodes=1,
            accelerator="cpu",
            strategy=nl.MegatronStrategy(
                ddp="megatron",
                find_unused_parameters=True,
                process_group_backend="gloo",
                ckpt_async_save=False,
                ckpt_load_optimizer=True,
            ),
            plugins=nl.MegatronMixedPrecision("32"),
            max_steps=UPDATES,
            val_check_interval=SAVED_AT,
            check_val_every_n_epoch=None,
            limit_val_batches=1,
            log_every_n_steps=1,
            callbacks=[
                MegatronRecordTrace(directory / "trace", every_n_steps=2),
                *([MegatronRngStateCallback()] if remedy else []),
                ModelCheckpoint(save_last=False, **(often if callbacks else {})),
                *callbacks,
            ],
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )
        with megatron_environment():
            llm.train(
                model=small_gpt(dropout=0.1),
                data=ByteTextDataModule(),
                trainer=trainer,
                log=nl.NeMoLogger(name="run", log_dir=str(directory), ckpt=None, use_datetime_version=False),
                optim=adam_with_warmup(lr=1e-3),
                resume=nl.AutoResume(resume_from_path=str(resume)) if resume else None,
            )

    def compare(self, resumed: str) -> RunComparison:
        legs = [self.directory / name / "trace" for name in ("cut", resumed)]
        return RunComparison(recorded_runs(legs, self.directory / "whole" / "trace"))

    def causes(self, found: RunComparison) -> Mapping[str, Cause | None]:
        self.assertIs(found.verdict, RunVerdict.DIFFERENT)
        roots = found.findings.root_causes
        return {root.comparison.metric: root.diagnosis and root.diagnosis.cause for root in roots}

    def test_a_run_that_resumes_exactly(self) -> None:
        found = self.compare("exact")
        self.assertEqual((found.verdict, found.problems), (RunVerdict.SAME, {}), found.of(Verdict.FAILED))
        recorded = {"parameters", "optimizer_state", "gradients", "train_input", "train_loss", "rng_state"}
        self.assertLessEqual({*recorded, "loop_progress", "consumed_samples"}, found.of(Verdict.PASSED).keys())
        legs = [(leg.start, leg.end, leg.broke_off) for leg in found.runs.legs]
        self.assertEqual(legs, [(0, SAVED_AT, True), (SAVED_AT, UPDATES, False)])

    def test_random_numbers_that_nobody_restores(self) -> None:
        self.assertEqual(self.causes(self.compare("unrestored")), {"rng_state": Cause.RNG_NOT_RESTORED})

    def test_what_nemo_saves_before_the_validation_that_is_due(self) -> None:
        """Its validation draws a random number behind the checkpoint; Lightning 2.4 restores another batch's index."""
        found = self.compare("early")
        causes = {"loop_progress": Cause.COUNTER_SHIFTED, "rng_state": Cause.VALIDATION_MISSING}
        self.assertEqual(self.causes(found), causes)
        self.assertLessEqual({"train_input", "consumed_samples", "learning_rate"}, found.of(Verdict.PASSED).keys())


if __name__ == "__main__":
    unittest.main()
