"""What a restored value equals instead of what was saved."""

from __future__ import annotations

import unittest
from typing import Any

import torch
from hypothesis import given
from hypothesis import strategies as st

from stopgo_mixins.comparison.compare import compare
from stopgo_mixins.comparison.diagnosis.cause import Cause
from stopgo_mixins.comparison.diagnosis.diagnose import diagnose
from stopgo_mixins.events import Moment, Position
from tests.comparison.synthetic import Phases, Span, SyntheticCase, Value
from tests.comparison.values import few


def weights(step: int, name: str = "") -> torch.Tensor:
    """Random numbers that belong to a step and a name."""
    return torch.randn(4, 5, generator=torch.Generator().manual_seed(1000 * len(name) + step))


def named(step: int) -> dict[str, Any]:
    return {name: weights(step, name) for name in ("a", "bb", "ccc")}


class StateCase(SyntheticCase):
    metric = "parameters"

    def resumed(self, expected: Value, change: dict[str, Value], metric: str | None = None) -> Phases:
        """A metric of which some entries are something else after the resume."""

        def actual(step: int) -> object:
            value = expected(step)
            assert isinstance(value, dict)
            return {**value, **{name: other(step) for name, other in change.items()}}

        return self.phases().state(metric or self.metric, expected, actual)

    def check(self, phases: Phases, cause: Cause, sentence: str, metric: str | None = None) -> None:
        found = self.diagnose(phases, metric or self.metric)
        self.assertEqual(found.cause, cause, found.sentence)
        self.assertRegex(found.sentence, sentence)

    def check_nothing(self, phases: Phases) -> None:
        runs = phases.runs()
        self.assertIsNone(diagnose(runs, compare(runs, self.metric)))


class TestTensors(StateCase):
    def test_one_keeps_its_initial_value(self) -> None:
        phases = self.resumed(named, {"bb": lambda _: weights(0, "bb")})
        self.check(phases, Cause.INITIAL_VALUE, r"^\['bb'\]: the value of state 0, as if it were not loaded")

    def test_all_keep_their_initial_value(self) -> None:
        phases = self.phases().state("parameters", named, lambda step: named(step - 4))
        self.check(phases, Cause.INITIAL_VALUE, r"^\['a'\], \['bb'\], \['ccc'\]: the value of state 0")

    def test_zeros(self) -> None:
        phases = self.resumed(named, {"bb": lambda _: torch.zeros(4, 5)})
        self.check(phases, Cause.ZEROS, r"^\['bb'\]: all zeros$")

    def test_zeros_without_values(self) -> None:
        phases = self.phases(value_budget=0).state(
            "parameters", lambda step: torch.full((2000,), float(step + 1)), lambda _: torch.zeros(2000)
        )
        self.check(phases, Cause.ZEROS, "^the value: all zeros$")

    def test_rounded(self) -> None:
        for dtype in (torch.bfloat16, torch.float16, torch.float8_e4m3fn):
            phases = self.resumed(named, {"a": lambda step, to=dtype: weights(step, "a").to(to).float()})
            name = str(dtype).removeprefix("torch.")
            self.check(phases, Cause.ROUNDED, rf"^\['a'\]: equal to .* after rounding them to {name}$")

    def test_doubles_that_became_floats(self) -> None:
        phases = self.resumed(
            lambda step: {"a": weights(step).double() / 3},
            {"a": lambda step: (weights(step).double() / 3).float().double()},
        )
        self.check(phases, Cause.ROUNDED, "rounding them to float32")

    def test_rounding_is_not_seen_without_values(self) -> None:
        value = torch.linspace(0, 1, 2000)
        phases = self.phases(value_budget=0)
        phases.state("parameters", lambda step: value + step, lambda step: (value + step).bfloat16().float())
        self.check_nothing(phases)

    def test_a_copy_of_another_tensor_of_the_metric(self) -> None:
        phases = self.resumed(named, {"bb": lambda step: weights(step, "a")})
        self.check(phases, Cause.COPY_OF_ANOTHER, r"^\['bb'\]: equal to \['a'\] in the continuous run$")

    def test_a_copy_of_another_metric(self) -> None:
        """Averaged weights that were loaded as the model's."""
        phases = self.resumed(named, {name: lambda step, n=name: weights(step, n) / 2 for name in named(0)})
        phases.state("averaged_weights", lambda step: {"ema": {k: v / 2 for k, v in named(step).items()}})
        self.check(
            phases, Cause.COPY_OF_ANOTHER, r"equal to \['ema'\]\['a'\] of averaged_weights in the continuous run$"
        )

    def test_the_state_of_another_step(self) -> None:
        phases = self.phases().state("parameters", named, lambda step: named(step - 1))
        self.check(phases, Cause.STATE_OF_ANOTHER_STEP, "equal to state 3 of the continuous run$")

    def test_the_state_of_a_step_that_nobody_had_reached_is_no_explanation(self) -> None:
        self.check_nothing(self.phases().state("parameters", named, lambda step: named(step + 2 if step < 7 else 3)))

    def test_the_state_of_a_step_that_was_made_before_the_run_was_killed(self) -> None:
        phases = self.phases(legs=(Span(0, 6, saved=(4,)), Span(4, 8)))
        phases.state("parameters", named, lambda step: named(step + 1))
        self.check(phases, Cause.STATE_OF_ANOTHER_STEP, "equal to state 5 of the continuous run$")

    def test_the_commonest_pattern_wins_and_the_rest_is_counted(self) -> None:
        phases = self.resumed(
            named,
            {"a": lambda _: weights(0, "a"), "bb": lambda _: torch.zeros(4, 5), "ccc": lambda _: torch.zeros(4, 5)},
        )
        self.check(phases, Cause.ZEROS, r"^\['bb'\], \['ccc'\]: all zeros; 1 more differ otherwise$")

    def test_other_numbers_fit_no_pattern(self) -> None:
        self.check_nothing(self.resumed(named, {"a": lambda step: weights(step, "a") + 1}))

    @few
    @given(
        st.lists(st.floats(-1e4, 1e4, width=32), min_size=2, max_size=4),
        st.sampled_from([torch.bfloat16, torch.float16]),
    )
    def test_any_rounded_numbers(self, numbers: list[float], dtype: torch.dtype) -> None:
        value = torch.tensor([1 / 3, *numbers])
        phases = self.phases().state("parameters", lambda step: value, lambda step: value.to(dtype).float())
        found = self.diagnose(phases, "parameters")
        self.assertEqual(found.cause, Cause.ROUNDED)


class TestStructure(StateCase):
    metric = "optimizer_state"

    def test_missing(self) -> None:
        phases = self.phases().state(
            "optimizer_state",
            lambda step: {".class": "AdamW", **({"w": {"exp_avg": weights(step), "step": step}} if step else {})},
            lambda step: {".class": "AdamW"},
        )
        sentence = r"^the interrupted run has no \['w'\]\['exp_avg'\], \['w'\]\['step'\] at state 4 \(restored\)$"
        self.check(phases, Cause.STATE_MISSING, sentence)

    def test_nothing_in_place_of_a_container(self) -> None:
        phases = self.phases().state("optimizer_state", lambda _: {"w": {"rate": 1.0}}, lambda _: {"w": None})
        self.check(
            phases, Cause.STATE_MISSING, r"^the interrupted run has no \['w'\]\['rate'\] at state 4 \(restored\)$"
        )

    def test_another_class(self) -> None:
        phases = self.phases().state("optimizer_state", lambda _: {"exp_avg": 1.0}, lambda _: {"momentum_buffer": 1.0})
        sentence = r"^the interrupted run has \['momentum_buffer'\] instead of \['exp_avg'\]$"
        self.check(phases, Cause.STRUCTURE_CHANGED, sentence)

    def test_another_dtype_shape_or_type(self) -> None:
        for other, sentence in (
            (weights(0).half(), r"^the value is tensor float16\[4, 5\] cpu instead of tensor float32\[4, 5\] cpu$"),
            (weights(0)[:2], r"^the value is tensor float32\[2, 5\] cpu instead of tensor float32\[4, 5\] cpu$"),
            (None, r"^the value is None instead of tensor float32\[4, 5\] cpu$"),
        ):
            phases = self.phases().state("optimizer_state", weights, lambda _, other=other: other)
            self.check(phases, Cause.STRUCTURE_CHANGED, sentence)

    def test_behaviour_of_another_form_beside_what_is_missing(self) -> None:
        phases = self.phases().behaviour(
            "train_output", lambda _: {"a": torch.ones(3), "b": torch.ones(2)}, lambda _: {"a": torch.ones(2) * 3}
        )
        runs = phases.runs()
        self.assertIsNone(diagnose(runs, compare(runs, "train_output")))

    def test_tied_weights_came_apart(self) -> None:
        phases = self.phases().state(
            "parameters",
            lambda step: {"embed": weights(step), ".aliases": {"embed": ["head"]}},
            lambda step: {"embed": weights(step), "head": weights(step)},
        )
        sentence = (
            r"tied weights came apart: \['\.aliases'\]\['embed'\]\[0\] is gone, and \['head'\] is a tensor of its own"
        )
        self.check(phases, Cause.STRUCTURE_CHANGED, sentence, "parameters")


class TestCounters(StateCase):
    metric = "global_step"

    def test_off_by_one(self) -> None:
        phases = self.phases().state("global_step", lambda step: step, lambda step: step + 1)
        sentence = r"^global_step is 5 instead of 4 at state 4 \(restored\): off by \+1, and it stays so$"
        self.check(phases, Cause.COUNTER_SHIFTED, sentence)

    def test_counted_twice(self) -> None:
        phases = self.phases().state("global_step", lambda step: step, lambda step: 2 * step)
        self.check(phases, Cause.COUNTER_SHIFTED, r"is 8 instead of 4 .*: off by \+4, and by \+8 in the end$")

    def test_lost(self) -> None:
        phases = self.phases().state("consumed_samples", lambda step: 32 * step, lambda step: 32 * (step - 4))
        sentence = r"^the value: the counter is back at 0 instead of 128 at state 4 \(restored\)$"
        self.check(phases, Cause.COUNTER_LOST, sentence, "consumed_samples")

    def test_an_optimizer_s_counter_among_its_tensors(self) -> None:
        def state(step: int) -> dict[str, object]:
            return {"exp_avg": weights(step), "step": torch.tensor(float(step))} if step else {}

        phases = self.resumed(state, {"step": lambda step: torch.tensor(step - 4.0)}, "optimizer_state")
        self.check(phases, Cause.COUNTER_LOST, r"^\['step'\]: the counter is back at 0 instead of 4", "optimizer_state")

    def test_a_counter_among_hyper_parameters(self) -> None:
        phases = self.phases().state(
            "param_groups",
            lambda step: [[{"step": step, "weight_decay": 0.1}]],
            lambda step: [[{"step": step - 4, "weight_decay": 0.1}]],
        )
        self.check(phases, Cause.COUNTER_LOST, r"^\[0\]\[0\]\['step'\]: the counter is back at 0", "param_groups")

    def test_a_scale_is_no_counter(self) -> None:
        def scaler(step: int) -> dict[str, object]:
            return {"scale": 65536.0 * 2 ** (step // 3), "growth_tracker": step % 3}

        phases = self.resumed(scaler, {"scale": lambda _: 65536.0}, "precision_state")
        self.check(phases, Cause.INITIAL_VALUE, r"^\['scale'\]: the value of state 0", "precision_state")

    def test_steps_that_are_logged(self) -> None:
        phases = self.phases().behaviour(
            "logged_metrics",
            lambda step: {"step": step - 1, "values": {"loss": weights(step)}},
            lambda step: {"step": step - 5, "values": {"loss": weights(step)}},
        )
        self.check(phases, Cause.COUNTER_LOST, r"^\['step'\]: the counter is back at 0 instead of 4", "logged_metrics")


class TestSchedules(StateCase):
    metric = "learning_rate"

    def rate(self, step: int) -> list[list[float]]:
        """A warm-up over the whole run, of two groups."""
        return [[1e-3 * (step + 1), 5e-4 * (step + 1)]]

    def test_restarted(self) -> None:
        phases = self.phases().state("learning_rate", self.rate, lambda step: self.rate(step - 4))
        self.check(
            phases, Cause.SCHEDULE_RESTARTED, "^the schedule restarted: state 4 has the value of state 0, and so on"
        )

    def test_restarted_one_step_after_a_restored_rate(self) -> None:
        """The optimizer brings the last rate with it; the scheduler overwrites it at its next step."""
        phases = self.phases().state(
            "learning_rate", self.rate, lambda step: self.rate(step if step == 4 else step - 4)
        )
        self.check(phases, Cause.SCHEDULE_RESTARTED, "state 5 has the value of state 1")

    def test_shifted(self) -> None:
        for shift, sentence in ((1, r"\+1: from state 4 on it is 1 update ahead"), (-2, "-2: .* 2 updates behind")):
            phases = self.phases().state("learning_rate", self.rate, lambda step, by=shift: self.rate(step + by))
            self.check(phases, Cause.SCHEDULE_SHIFTED, f"^the schedule is shifted by {sentence}")

    def test_a_restart_is_likelier_than_a_shift_along_a_plateau(self) -> None:
        def halved(step: int) -> list[list[float]]:
            return [[1.0 if step < 8 else 0.5]]

        phases = self.phases(num_steps=10, resume_point=8).state("learning_rate", halved, lambda step: halved(step - 8))
        self.check(phases, Cause.SCHEDULE_RESTARTED, "state 8 has the value of state 0")

    def test_it_lags_one_epoch_from_the_next_epoch_on(self) -> None:
        def halved(step: int) -> list[list[float]]:
            return [[2.0 ** -(step // 3)]]

        phases = self.phases(num_steps=12).state(
            "learning_rate", halved, lambda step: halved(step if step < 6 else step - 3)
        )
        self.check(
            phases,
            Cause.SCHEDULE_SHIFTED,
            "^the schedule is 1 step of its own behind: state 6 has the value of state 3, and so on$",
        )

    def test_a_scheduler_s_state(self) -> None:
        def state(step: int) -> list[dict[str, object]]:
            return [{"last_epoch": step, "_last_lr": self.rate(step)[0], "base_lrs": [0.1]}]

        phases = self.phases().state("scheduler_state", state, lambda step: state(step - 4))
        self.check(phases, Cause.SCHEDULE_RESTARTED, "state 4 has the value of state 0", "scheduler_state")

    def test_a_rate_that_stays_at_its_initial_value(self) -> None:
        phases = self.phases().state("learning_rate", self.rate, lambda _: self.rate(0))
        self.check(phases, Cause.INITIAL_VALUE, "the value of state 0")

    def test_hyper_parameters_from_the_constructor(self) -> None:
        def groups(decay: float) -> list[list[dict[str, object]]]:
            return [[{"weight_decay": 0.1, "betas": (0.9, 0.99)}, {"weight_decay": decay, "betas": (0.9, 0.99)}]]

        phases = self.phases().state("param_groups", lambda _: groups(0.0), lambda _: groups(0.01))
        sentence = r"^weight_decay of optimizer 0, group 1 is 0\.01 instead of 0\.0$"
        self.check(phases, Cause.HYPER_PARAMETER, sentence, "param_groups")


class TestRanks(SyntheticCase):
    def test_every_rank_gets_rank_0_s(self) -> None:
        phases = self.phases()
        for rank in (0, 1):
            phases.rank = rank
            own, given = (lambda step, by=by: {"torch": weights(step, "r" * by)} for by in (rank, 0))
            phases.state("rng_state", own, given)
        found = self.diagnose(phases, "rng_state")
        self.assertEqual((found.cause, found.independent), (Cause.COPY_OF_RANK_0, True))
        self.assertRegex(found.sentence, r"^on rank 1, \['torch'\] equals what rank 0 has at state 4 \(restored\)")

    def test_a_rank_may_differ_by_itself(self) -> None:
        phases = self.phases()
        for rank in (0, 1):
            phases.rank = rank
            phases.state(
                "rng_state",
                lambda step, by=rank: {"torch": weights(step, "r" * by)},
                lambda step, by=rank: {"torch": weights(step + 9 * by, "r" * by)},
            )
        self.assertEqual(self.diagnose(phases, "rng_state").cause, Cause.RNG_NOT_RESTORED)


class TestBeforeTheInterruption(SyntheticCase):
    def stopped(self, first: int, saved: tuple[int, ...] = (2, 4), repeated: bool | None = None) -> Phases:
        """The stop phase differs from a step on; so does, or does not, a second continuous run."""
        phases = self.phases(saved=saved, arms=() if repeated is None else ("repeated",))
        phases.behaviour("train_loss", float, stopped=lambda step: step + (step >= first) / 2)
        for step in range(1, 9) if repeated is not None else ():
            phases.behave("repeated", "train_loss", step, step + (repeated and step > 2) / 4)
        return phases

    def check(self, phases: Phases, cause: Cause, sentence: str) -> None:
        found = self.diagnose(phases, "train_loss")
        self.assertEqual(found.cause, cause)
        self.assertRegex(found.sentence, sentence)

    def test_saving_changed_the_run(self) -> None:
        sentence = "from step 3, micro-batch 0 on, before it was interrupted and after it saved a checkpoint at step 2"
        self.check(self.stopped(3), Cause.SAVING_CHANGED_THE_RUN, sentence)

    def test_before_anything_was_saved(self) -> None:
        sentence = "from step 2, .*before any checkpoint .* noise_floor = True tells which"
        self.check(self.stopped(2), Cause.NOT_DETERMINISTIC, sentence)

    def test_at_the_step_of_the_first_checkpoint(self) -> None:
        """Whether what ends the epoch came before it or after, nobody has seen."""
        phases = self.phases(saved=(3, 4)).behaviour("train_loss", float)
        for phase in ("stop", "continuous"):
            value = {"mean": 2.0 if phase == "stop" else 1.0}
            phases.writer(phase).record("logged_metrics", Position(Moment.EPOCH_END, 3, (0,)), value)
        found = self.diagnose(phases, "logged_metrics")
        self.assertEqual(found.cause, Cause.NOT_DETERMINISTIC)
        self.assertRegex(found.sentence, "differs from step 3, epoch end 0 on, at the step of its first checkpoint: ")

    def test_the_noise_floor_tells_which(self) -> None:
        self.check(self.stopped(3, repeated=True), Cause.NOT_DETERMINISTIC, "and so does a second uninterrupted run")
        self.check(self.stopped(2, repeated=False), Cause.OTHER_SETUP, "build something else for Mode.STOP, since two")
        self.check(self.stopped(3, repeated=False), Cause.SAVING_CHANGED_THE_RUN, "saved a checkpoint at step 2")


if __name__ == "__main__":
    unittest.main()
