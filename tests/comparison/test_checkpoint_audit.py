"""What is asked of the checkpoints that the legs left."""

from __future__ import annotations

from stopgo_mixins.comparison.resumption import resume_point_problem
from tests.comparison.synthetic import Span, SyntheticCase


class TestCheckpoints(SyntheticCase):
    def problem(self, *kept: tuple[str, str, int, str], damage: str = "", chain: bool = False) -> str | None:
        """Of a run with these checkpoints: phase, path, update, digest."""
        legs = (Span(0, 4), Span(4, 6), Span(6, 8, ())) if chain else ()
        phases = self.phases(legs=legs)
        for phase, path, update, digest in kept:
            phases.event(phase, "checkpoint_kept", path=path, update=update, digest=digest, damage=damage)
        return resume_point_problem(phases.resumption())

    def test_nothing_is_wrong_with_checkpoints_that_differ(self) -> None:
        self.assertIsNone(self.problem(("stop", "/run/step=2.ckpt", 2, "a"), ("stop", "/run/last.ckpt", 4, "b")))

    def test_two_of_the_same_moment_may_be_the_same(self) -> None:
        self.assertIsNone(self.problem(("stop", "/run/step=4.ckpt", 4, "a"), ("stop", "/run/last.ckpt", 4, "a")))

    def test_one_that_is_written_once_and_never_again(self) -> None:
        expected = (
            "/run/step=4.ckpt of step 4 is byte for byte /run/step=2.ckpt of step 2: it holds nothing of what was "
            "trained in between."
        )
        self.assertEqual(
            self.problem(("stop", "/run/step=2.ckpt", 2, "a"), ("stop", "/run/step=4.ckpt", 4, "a")), expected
        )

    def test_that_is_so_across_legs_too(self) -> None:
        problem = self.problem(("stop", "/run/4", 4, "a"), ("resume", "/run/6", 6, "a"), chain=True)
        self.assertIn("/run/6 of step 6 is byte for byte /run/4 of step 4", problem or "")

    def test_a_last_one_that_is_not_the_newest(self) -> None:
        for last in ("last.ckpt", "last-v1.ckpt", "step=2-last"):
            with self.subTest(last):
                self.assertEqual(
                    self.problem(("stop", f"/run/{last}", 2, "a"), ("stop", "/run/step=4.ckpt", 4, "b")),
                    f"the stop phase left /run/{last} of step 2, although /run/step=4.ckpt of step 4 is newer: a run "
                    "that is resumed from the last one loses 2 updates.",
                )

    def test_those_in_other_directories_are_not_beside_it(self) -> None:
        self.assertIsNone(self.problem(("stop", "/run/last.ckpt", 2, "a"), ("stop", "/other/step=4.ckpt", 4, "b")))
        self.assertIsNone(self.problem(("stop", "/run/lasting.ckpt", 2, "a"), ("stop", "/run/step=4.ckpt", 4, "b")))

    def test_a_damaged_one(self) -> None:
        self.assertEqual(
            self.problem(("stop", "/run/step=4.ckpt", 4, "a"), damage="/run/step=4.ckpt is empty"),
            "of the checkpoints that the stop phase left, /run/step=4.ckpt is empty.",
        )
