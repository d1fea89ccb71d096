"""Suites that are started within an allocation of SLURM, by the variables that it sets."""

from __future__ import annotations

import os
import unittest
from unittest import mock

from lightning.fabric.plugins.environments import SLURMEnvironment

from stopgo_mixins.isolation.world import tasks_of_srun
from tests.outcome import run
from tests.ranks import cases

OF_A_BATCH_SCRIPT = {
    "SLURM_JOB_ID": "4711",
    "SLURM_JOB_NAME": "tests",
    "SLURM_NNODES": "1",
    "SLURM_JOB_NODELIST": "localhost",
    "SLURM_NODELIST": "localhost",
    "SLURM_NTASKS": "2",
    "SLURM_NTASKS_PER_NODE": "2",
    "SLURM_NPROCS": "2",
    "SLURM_TASKS_PER_NODE": "2",
    "SLURM_NODEID": "0",
    "SLURM_PROCID": "0",
    "SLURM_LOCALID": "0",
}
"""What a batch script sees of ``#SBATCH --nodes=1 --ntasks-per-node=2``."""

OF_A_TASK = {
    **OF_A_BATCH_SCRIPT,
    "SLURM_STEP_ID": "0",
    "SLURM_STEP_NUM_TASKS": "2",
    "SLURM_STEP_TASKS_PER_NODE": "2",
    "SLURM_STEP_NODELIST": "localhost",
    "SLURM_SRUN_COMM_HOST": "127.0.0.1",
}
"""What the first of the tasks sees that ``srun`` starts there."""


class TestSlurm(unittest.TestCase):
    def test_a_batch_script(self) -> None:
        with mock.patch.dict(os.environ, OF_A_BATCH_SCRIPT):
            self.assertTrue(SLURMEnvironment.detect())
            outcome = run(cases.Digits)
        self.assertEqual((outcome.failed, outcome.error), ({}, ""))
        self.assertLessEqual({"optimizer_state", "parameters", "rng_state", "train_input"}, outcome.passed)

    def test_one_of_several_tasks(self) -> None:
        with mock.patch.dict(os.environ, OF_A_TASK):
            error = run(cases.Digits).error
        self.assertIn("Digits trains on 2 ranks, and srun has started these tests as 2 tasks", error)
        self.assertIn("srun --ntasks-per-node=1 torchrun --nnodes=$SLURM_NNODES", error)

    def test_a_torchrun_that_a_task_has_started(self) -> None:
        with mock.patch.dict(os.environ, {**OF_A_TASK, "TORCHELASTIC_RUN_ID": "none"}):
            self.assertEqual(tasks_of_srun(), 1)


if __name__ == "__main__":
    unittest.main()
