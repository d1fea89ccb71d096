"""An assertion about runs that no test has run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from stopgo_mixins.comparison.tolerance import Tolerance
from stopgo_mixins.metric import Metric
from stopgo_mixins.real_runs.recorded import recorded_runs
from stopgo_mixins.real_runs.report import lines_of
from stopgo_mixins.real_runs.verdict import RunComparison, RunVerdict

__unittest = __tracebackhide__ = True  # keeps this module out of tracebacks: unittest's, and pytest's


class SameRunMixin:
    """Lets a test ask whether a real run was the same as another one.

    ::

        class TestMonday(SameRunMixin, unittest.TestCase):
            def test_preemption(self):
                self.assertSameRun("traces/monday", "traces/uninterrupted")
    """

    def assertSameRun(  # noqa: N802 - as unittest names its own
        self,
        interrupted: str | Path | Sequence[str | Path],
        uninterrupted: str | Path,
        *,
        from_step: int = 0,
        tolerances: Mapping[str, Tolerance] | None = None,
        recorders: Iterable[type[Metric]] = (),
    ) -> None:
        """Fails unless the traces of two runs are those of the same run; says what ``compare`` would say.

        Args:
            interrupted: the directory of the run that was interrupted, or those of its legs in order.
            uninterrupted: the directory of the other run.
            from_step: the first step to compare.
            tolerances: by metric; everything else is compared bit by bit.
            recorders: those that are not the library's own.

        Raises:
            AssertionError: when anything differs, or nothing is shown to be equal.
            TraceError: when there is nothing to compare.
        """
        legs = [interrupted] if isinstance(interrupted, str | Path) else interrupted
        runs = recorded_runs([Path(leg) for leg in legs], Path(uninterrupted), from_step, recorders)
        found = RunComparison(runs, tolerances or {})
        if found.verdict is not RunVerdict.SAME:
            raise AssertionError("\n".join(lines_of(found)))
