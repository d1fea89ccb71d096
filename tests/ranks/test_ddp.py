"""Lightning's DDP and FSDP2 on two ranks: correct, wrong on one rank alone, and with a rank that dies."""

from __future__ import annotations

import re
import unittest

import psutil

from tests.outcome import concrete, run
from tests.ranks import cases


class TestTwoRanks(unittest.TestCase):
    def test_a_correct_run_passes_and_leaves_nothing(self) -> None:
        outcome = run(cases.Digits)
        self.assertEqual((outcome.failed, outcome.error), ({}, ""))
        self.assertLessEqual({"buffers", "optimizer_state", "parameters", "rng_state", "train_loss"}, outcome.passed)
        left = [each for child in psutil.Process().children() for each in child.children(recursive=True)]
        self.assertEqual(left, [])  # of the server

    def test_fully_sharded_data_parallel(self) -> None:
        outcome = run(cases.FullySharded)
        self.assertEqual((outcome.failed, outcome.error), ({}, ""))
        self.assertLessEqual({"optimizer_state", "parameters", "gradients", "rng_state"}, outcome.passed)

    def test_each_problem_of_rank_1_is_named_and_nothing_else(self) -> None:
        outcome = run(cases.WrongOnRank1)
        self.assertEqual(outcome.error, "")
        messages = "".join(outcome.failed.values())
        causes = re.findall("root cause of this run: (.*)\n +(.*)", messages)
        self.assertEqual(
            causes,
            [
                (
                    "optimizer_state at state 5 (restored), rank 1: [0]['features.0.weight']['exp_avg_sq']",
                    "[0]['features.0.weight']['exp_avg_sq']: all zeros",
                ),
                (
                    "rng_state at state 5 (restored), rank 1: ['torch']",
                    "on rank 1, ['torch'] equals what rank 0 has at state 5 (restored)",
                ),
                (
                    "train_input at step 6 (the first after the resume at 5), micro-batch 0, rank 1: [0], [1]",
                    "the data restarted: step 6 reads the batch of step 4 of the continuous run",
                ),
            ],
        )
        self.assertLessEqual({"number_of_steps", "resume_point", "global_step", "scheduler_state"}, outcome.passed)

    def test_lightnings_sampler_is_told_the_epoch_too_late(self) -> None:
        outcome = run(cases.LightningsSampler)
        self.assertEqual(outcome.error, "")
        self.assertIn("root cause of this run: train_input at step 6", outcome.failed["train_input"])
        self.assertIn("rng_state", outcome.passed)

    def test_a_rank_that_fails_ends_the_phase(self) -> None:
        for case, problem in (
            (cases.RaisesOnRank1, "ValueError: the data of rank 1 are gone"),
            (cases.ExitsWith0, "SystemExit: os._exit(0) was called"),
            (cases.KilledInTraining, "its process was killed by SIGKILL"),
            (cases.KilledInACollective, "its process was killed by SIGKILL"),
            (cases.KilledInASave, "its process was killed by SIGKILL"),
        ):
            with self.subTest(case.__name__):
                outcome = run(case)
                self.assertEqual(outcome.passed, set())
                self.assertIn(f"PhaseError: {case.__name__}: the stop phase failed: rank 1: {problem}", outcome.error)
                self.assertIn("the end of what rank 1 printed:", outcome.error)

    def test_a_rank_that_hangs(self) -> None:
        error = run(cases.HangsOnRank1).error
        self.assertIn("it did not end within phase_timeout = 15.0 seconds, and was killed", error)
        self.assertRegex(error, r"(?s)rank 0:\n.*in forward.*rank 1:\n.*in wait_for_data_that_never_come")


class TestDeclaration(unittest.TestCase):
    def test_what_needs_the_process_of_the_tests(self) -> None:
        with self.assertRaisesRegex(
            TypeError, r"Digits\.devices is 2, and a further run is made on one rank, .*remove noise"
        ):
            concrete(cases.DigitsMixin, noise_floor=True)
        with self.assertRaisesRegex(TypeError, r"Digits\.devices is 0: write devices = 2 \(an integer of at"):
            concrete(cases.DigitsMixin, devices=0)


if __name__ == "__main__":
    unittest.main()
