"""Whether a generator was restored, and what happened to it before the first step."""

from __future__ import annotations

import random
import unittest
from collections.abc import Callable

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from stopgo_mixins.comparison.compare import compare
from stopgo_mixins.comparison.diagnosis.cause import Cause, Diagnosis
from stopgo_mixins.comparison.diagnosis.diagnose import diagnose
from stopgo_mixins.events import Moment, Position
from stopgo_mixins.recorders.generators import python_generator_state
from tests.comparison.synthetic import Phases, SyntheticCase
from tests.comparison.test_findings import found_in
from tests.comparison.values import few

PER_STEP = 100
"""So many numbers are drawn from each stream in a step."""

RESTORED = 4


def torch_state(drawn: int, seed: int = 1) -> torch.Tensor:
    """What torch's generator is like after so many numbers."""
    generator = torch.Generator().manual_seed(seed)
    torch.randint(9, (drawn,), generator=generator)
    return generator.get_state()


def python_state(drawn: int, seed: int = 1) -> dict[str, object]:
    generator = random.Random(seed)
    for _ in range(drawn):
        generator.getrandbits(32)
    return python_generator_state(generator.getstate())


def numpy_state(drawn: int, seed: int = 1) -> dict[str, object]:
    generator = np.random.RandomState(seed)
    generator.randint(0, 2**32, size=drawn, dtype=np.uint32)
    return generator.get_state(legacy=False)


STREAMS: dict[str, Callable[..., object]] = {"torch": torch_state, "python": python_state, "numpy": numpy_state}


class GeneratorCase(SyntheticCase):
    def resumed(self, resumed: Callable[[int], object], stream: str = "torch", per_step: int = PER_STEP) -> Phases:
        """A stream of the continuous run, and what the resume phase has of it at each step."""
        state = STREAMS[stream]
        return self.phases().state(
            "rng_state", lambda step: {stream: state(per_step * step)}, lambda step: {stream: resumed(step)}
        )

    def check(self, phases: Phases, cause: Cause, sentence: str, independent: bool) -> Diagnosis:
        found = self.diagnose(phases, "rng_state")
        self.assertEqual((found.cause, found.independent), (cause, independent), found.sentence)
        self.assertRegex(found.sentence, sentence)
        return found


class TestRestored(GeneratorCase):
    def test_ahead(self) -> None:
        for stream, state in STREAMS.items():
            for more in (1, 2, 700, 5000):
                phases = self.resumed(lambda step, by=more, of=state: of(PER_STEP * step + by), stream)
                sentence = (
                    f"^{stream} is {more} random numbers ahead of the continuous run: it holds what was saved, but"
                )
                self.check(phases, Cause.RNG_DRAWN, sentence, independent=False)

    def test_behind(self) -> None:
        """Restored when something had been drawn that belongs to the restored state."""
        for stream, state in STREAMS.items():
            phases = self.resumed(lambda step, of=state: of(PER_STEP * step - 4), stream)
            self.check(phases, Cause.RNG_DRAWN, f"^{stream} is 4 random numbers behind the contin", independent=False)

    def test_behind_where_only_some_states_were_recorded(self) -> None:
        phases = self.phases()
        for phase, steps in (("stop", (0, 2)), ("resume", (4, 6)), ("continuous", (0, 2, 4, 6))):
            for step in steps:
                state = torch_state(PER_STEP * step - 4 * (phase == "resume"))
                phases.writer(phase).record("rng_state", Position(Moment.STEP_START, step), {"torch": state})
        self.check(phases, Cause.RNG_DRAWN, "^torch is 4 random numbers behind the contin", independent=False)

    def test_ahead_of_what_nothing_has_drawn_from_so_far(self) -> None:
        phases = self.resumed(lambda step: torch_state(4), per_step=0)
        self.check(phases, Cause.RNG_DRAWN, "^torch is 4 random numbers ahead", independent=False)

    @few
    @given(st.integers(0, 2000), st.integers(1, 4000))
    def test_any_number(self, drawn: int, more: int) -> None:
        phases = self.resumed(lambda step: torch_state(PER_STEP * step + drawn + more))
        self.check(phases, Cause.RNG_DRAWN, f"^torch is {drawn + more} random numbers ahead", independent=False)


class TestNotRestored(GeneratorCase):
    def test_left_as_the_phase_began_with_it(self) -> None:
        phases = self.resumed(lambda step: torch_state(PER_STEP * (step - RESTORED)))
        sentence = "^torch: the generator was not restored with the checkpoint, but left as the phase began with it$"
        self.check(phases, Cause.RNG_NOT_RESTORED, sentence, independent=True)

    def test_drawn_from_since_the_phase_began(self) -> None:
        phases = self.resumed(lambda step: torch_state(PER_STEP * (step - RESTORED) + 7))
        sentence = "^torch: the generator was not restored with the checkpoint$"
        self.check(phases, Cause.RNG_NOT_RESTORED, sentence, independent=True)

    def test_another_seed(self) -> None:
        phases = self.resumed(lambda step: torch_state(PER_STEP * step, seed=2))
        sentence = "^torch: the generator was not restored with the checkpoint$"
        self.check(phases, Cause.RNG_NOT_RESTORED, sentence, independent=True)

    def test_streams_are_named_and_those_that_were_restored_are_not(self) -> None:
        phases = self.phases().state(
            "rng_state",
            lambda step: {name: state(PER_STEP * step) for name, state in STREAMS.items()},
            lambda step: {
                "torch": torch_state(PER_STEP * step + 3),
                "python": python_state(0, seed=2),
                "numpy": numpy_state(0, seed=2),
            },
        )
        sentence = "^numpy, python: the generators were not restored with the checkpoint$"
        self.check(phases, Cause.RNG_NOT_RESTORED, sentence, independent=True)

    def test_what_cannot_be_told_is_not_told(self) -> None:
        """Of a generator of another kind; and of one that is as the run began, as it was until the resume point."""
        either = "^torch: another state of the generator: not restored with the checkpoint, or drawn from since$"
        phases = self.phases().state(
            "rng_state",
            lambda step: {"torch": torch.tensor([step, 1])},
            lambda step: {"torch": torch.tensor([step, 2])},
        )
        self.check(phases, Cause.RNG_NOT_RESTORED, either, independent=True)
        phases = self.phases().state(
            "rng_state",
            lambda step: {"torch": torch_state(0 if step < RESTORED else 4)},
            lambda step: {"torch": torch_state(0)},
        )
        self.check(phases, Cause.RNG_NOT_RESTORED, either, independent=True)

    def test_nor_of_what_was_not_kept(self) -> None:
        phases = self.phases(value_budget=0).state(
            "rng_state",
            lambda step: {"torch": torch_state(PER_STEP * step)},
            lambda step: {"torch": torch_state(PER_STEP * step + 2)},
        )
        self.check(phases, Cause.RNG_NOT_RESTORED, "not restored with the checkpoint, or drawn from", independent=True)


class TestLater(GeneratorCase):
    def test_drawn_from_after_the_restore(self) -> None:
        phases = self.resumed(lambda step: torch_state(PER_STEP * step + (step > 5)))
        sentence = "^torch: equal up to state 5; before state 6 the interrupted run drew more or fewer random numbers$"
        self.check(phases, Cause.RNG_DRAWN, sentence, independent=False)


class TestWhatFollows(GeneratorCase):
    """A loader that begins anew has drawn its order before the restored state is seen, which shows one step later."""

    def drawn(self, more: int = 4) -> Phases:
        return self.resumed(lambda step: torch_state(PER_STEP * step + more))

    def check_causes(self, phases: Phases, *causes: str) -> None:
        _, findings = found_in(phases)
        self.assertEqual(tuple(cause.comparison.metric for cause in findings.root_causes), causes)

    def test_a_loader_that_begins_anew(self) -> None:
        phases = self.drawn().behaviour("train_input", torch_state, lambda step: torch_state(step - RESTORED))
        self.check_causes(phases, "train_input")

    def test_data_in_another_order_that_may_follow_from_random_numbers(self) -> None:
        phases = self.drawn().behaviour("train_input", torch_state, lambda step: torch_state(step + 50))
        self.check_causes(phases, "rng_state")

    def test_a_loader_that_goes_wrong_later(self) -> None:
        phases = self.drawn().behaviour("train_input", torch_state, lambda step: torch_state(step + 50 * (step > 6)))
        self.check_causes(phases, "rng_state")

    def test_a_generator_that_was_not_restored_is_a_cause_beside_it(self) -> None:
        phases = self.resumed(lambda step: torch_state(PER_STEP * step, seed=2))
        phases.behaviour("train_input", torch_state, lambda step: torch_state(step - RESTORED))
        self.check_causes(phases, "rng_state", "train_input")

    def test_loops_that_go_on_elsewhere(self) -> None:
        phases = self.drawn().state(
            "loop_progress",
            lambda step: {"epoch": step // 4, "batch": step % 4},
            lambda step: {"epoch": 0, "batch": step},
        )
        self.check_causes(phases, "loop_progress")


class TestCallbacks(GeneratorCase):
    """Callbacks that keep the states of generators, in whatever form."""

    def kept(self, keep: Callable[[int], object]) -> tuple[str, ...]:
        """Every stream was restored, and is ahead by 3; the callback is asked for what it would save."""
        phases = self.phases()
        for metric, value in (("rng_state", self.streams), ("callback_state", keep)):
            phases.state(metric, lambda step, of=value: of(100 * step), lambda step, of=value: of(100 * step + 3))
        _, findings = found_in(phases)
        return tuple(cause.comparison.metric for cause in findings.root_causes)

    def streams(self, drawn: int) -> dict[str, object]:
        return {name: state(drawn) for name, state in STREAMS.items()}

    def test_what_it_keeps_of_them_is_no_second_root_cause(self) -> None:
        def as_lists(drawn: int) -> dict[str, object]:
            words, key = python_state(drawn)["words"], numpy_state(drawn)["state"]["key"]
            position = numpy_state(drawn)["state"]["pos"]
            return {"python": [3, words.tolist(), None], "numpy": [key.tolist(), position], "torch": torch_state(drawn)}

        for keep in (torch_state, as_lists, lambda drawn: as_lists(drawn)["python"], self.streams):
            self.assertEqual(self.kept(lambda drawn, of=keep: {"Own": {"rng": of(drawn), "seen": 3}}), ("rng_state",))

    def test_anything_else_that_differs_in_it_is(self) -> None:
        def also(drawn: int) -> dict[str, object]:
            return {"Own": {"rng": torch_state(drawn), "seen": torch.tensor([drawn, 5])}}

        self.assertEqual(set(self.kept(also)), {"callback_state", "rng_state"})

    def test_numbers_that_are_also_in_a_state_are_no_state(self) -> None:
        """A position in a block is a small number, such as callbacks count."""
        found = self.kept(lambda drawn: {"Own": {"count": numpy_state(drawn)["state"]["pos"]}})
        self.assertEqual(set(found), {"callback_state", "rng_state"})

    def test_nothing_is_said_where_no_generator_differs(self) -> None:
        phases = self.phases().state("callback_state", lambda _: {"Own": {"n": 1}}, lambda _: {"Own": {"n": 2}})
        runs = phases.state("rng_state", lambda _: self.streams(0)).runs()
        self.assertIsNone(diagnose(runs, compare(runs, "callback_state")))


if __name__ == "__main__":
    unittest.main()
