"""One test method per metric, generated on each concrete class."""

from __future__ import annotations

import unittest
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, ClassVar, NoReturn

from typing_extensions import final

from stopgo_mixins.comparison.compare import Comparison, compare
from stopgo_mixins.comparison.declared import Declarations, DeclaredDivergence, declaration_problem
from stopgo_mixins.comparison.evidence import Judgement, Verdict, judge
from stopgo_mixins.comparison.findings import Findings, find, lacks_a_cause
from stopgo_mixins.comparison.message import failure_message, root_cause_lines
from stopgo_mixins.comparison.noise_floor import determinism_problem
from stopgo_mixins.comparison.reach import what_counts
from stopgo_mixins.comparison.resumption import (
    Resumption,
    consumed_samples_problem,
    number_of_steps_problem,
    resume_point_problem,
)
from stopgo_mixins.comparison.runs import Runs
from stopgo_mixins.comparison.tolerance import Tolerance
from stopgo_mixins.comparison.training import nothing_trained
from stopgo_mixins.mixins.additional import additional_recorders, registration_problem
from stopgo_mixins.mixins.phases import TrainingPhasesMixin
from stopgo_mixins.mixins.registry import CallbackRegistryMixin
from stopgo_mixins.mode import Mode
from stopgo_mixins.trace.selection import LeftOut
from stopgo_mixins.trace.store import Trace

__unittest = True  # keeps the frames of this module out of unittest's tracebacks

_NEVER_RUN = (
    "no training phase has run. Either the runner never called setUpClass, or a setUpClass of this class or of one of "
    "its bases does not call super().setUpClass()."
)


class ConsistencyAssertionsMixin(CallbackRegistryMixin, TrainingPhasesMixin):
    """Compares interrupted with continuous, one test per metric.

    Attributes:
        tolerances: per metric; merged over the MRO; everything else is compared bit by bit.
        output_tensor_atol: absolute tolerance of ``train_output`` and ``valid_output``, together with the next.
        output_tensor_rtol: relative tolerance of the same.
        require_evidence: whether a metric that is not verified fails instead of being skipped.
        declared: metric -> a divergence that is known, or several: in which paths, from where on and why; merged over
            the MRO.
        left_out: metric -> path -> why it is not recorded; merged over the MRO. What lies inside of a path goes with
            it, and a path that the run does not have is a failure.
    """

    tolerances: ClassVar[Mapping[str, Tolerance]] = {}
    output_tensor_atol: ClassVar[float] = 0.0
    output_tensor_rtol: ClassVar[float] = 0.0
    require_evidence: ClassVar[bool] = False
    declared: ClassVar[Mapping[str, DeclaredDivergence | Sequence[DeclaredDivergence]]] = {}
    left_out: ClassVar[LeftOut] = {}

    addClassCleanup: Callable[..., Any]  # noqa: N815 - unittest's own name

    _tolerances: ClassVar[Mapping[str, Tolerance]] = {}
    _declared: ClassVar[Declarations] = {}
    _left_out: ClassVar[LeftOut] = {}
    _control_traces: ClassVar[Mapping[str, Trace]] = {}
    _compared: ClassVar[dict[str, Comparison]]
    _resumption: ClassVar[Resumption | None] = None
    _findings: ClassVar[Findings | None] = None
    _first_without_phases: ClassVar[str]
    _testMethodName: str  # noqa: N815 - unittest's own name

    @classmethod
    def setUpClass(cls) -> None:
        """Forgets an earlier run of the same class."""
        cls._forget_what_was_compared()
        super().setUpClass()

    @classmethod
    def _forget_what_was_compared(cls) -> None:
        cls._compared = {}
        cls._resumption = None
        cls._findings = None

    @classmethod
    @final
    def runs(cls) -> Runs:
        """The traces of the legs and of the continuous run.

        Raises:
            AssertionError: when no training phase has run, because nobody called ``setUpClass``.
        """
        return cls.resumption().runs

    @classmethod
    @final
    def resumption(cls) -> Resumption:
        """The traces, and what is asked of the run as a whole, found once.

        Raises:
            AssertionError: as :meth:`runs` does.
        """
        if vars(cls).get("_resumption") is None:  # its own: a class never reads what its parent recorded
            if not cls._phases_have_run():
                _fail(f"{cls.__name__}: {_NEVER_RUN}")
            legs = (Trace(directory) for _, directory in cls.legs())
            runs = Runs.of(legs, cls.trace(Mode.CONTINUOUS), cls.known_metrics(), **cls._control_traces)
            cls._resumption = Resumption(runs)
        resumption: Resumption = vars(cls)["_resumption"]
        return resumption

    @classmethod
    @final
    def _phases_have_run(cls) -> bool:
        return "metadata_dir" in vars(cls)

    @final
    def _demand_phases(self) -> None:
        """Ends the test where no training phase has run: the first one of the class fails, and all others point to it.

        Which one that is holds until the runner has done with the class, so that no later run is without a failure.
        """
        cls = type(self)
        if cls._phases_have_run():
            return
        if "_first_without_phases" not in vars(cls):
            cls._first_without_phases = self._testMethodName
            self.addClassCleanup(delattr, cls, "_first_without_phases")
        if cls._first_without_phases != self._testMethodName:
            _skip(f"no training phase has run: {cls._first_without_phases} says why")
        self.runs()

    @classmethod
    @final
    def comparison(cls, metric: str) -> Comparison:
        """The comparison of one metric, made once."""
        if metric not in cls._compared:
            runs = cls.runs()
            found = what_counts(runs, compare(runs, metric, cls._tolerances.get(metric)))
            if found.overwritten and lacks_a_cause(runs, cls._comparisons_by_name()):
                found = found.with_overwritten()
            cls._compared[metric] = found
        return cls._compared[metric]

    @classmethod
    @final
    def metrics_with_tolerance(cls) -> frozenset[str]:
        """The metrics whose recorded values are needed to be compared."""
        return frozenset(cls._tolerances)

    @classmethod
    @final
    def _assert_metric(cls, metric: str) -> None:
        """Passes, fails or skips by the verdict on a metric."""
        found = cls._verdict_on(metric)
        if found.verdict is Verdict.FAILED:
            _fail(found.reason)
        if found.verdict is not Verdict.PASSED:
            _skip(found.reason)

    @classmethod
    @final
    def _verdict_on(cls, metric: str) -> Judgement:
        """The verdict on a metric, with all that is to be read in the end."""
        judgement = cls._judgement(metric)
        if judgement.verdict is Verdict.FAILED:
            return Judgement(Verdict.FAILED, cls._failure(f"test_{metric}", cls.comparison(metric), judgement))
        text = f"{judgement.verdict.value}: {judgement.reason}"
        if judgement.verdict is Verdict.NOT_VERIFIED and cls.require_evidence:
            text = f"test_{metric}: {text} (a failure because require_evidence is set)"
            return Judgement(Verdict.FAILED, text)
        return Judgement(judgement.verdict, text)

    @classmethod
    @final
    def _judgement(cls, metric: str) -> Judgement:
        comparison = cls.comparison(metric)
        if declared := cls._declared.get(metric):
            problem = declaration_problem(declared, comparison, cls._findings_with)
            return Judgement(Verdict.FAILED, problem) if problem else Judgement(Verdict.PASSED)
        return judge(cls.resumption(), comparison, cls._tolerances.get(metric), cls._left_out.get(metric, ()))

    @classmethod
    @final
    def _assert_resume_point(cls) -> None:
        """Fails unless every resume phase continued from the newest checkpoint, and not from scratch."""
        cls._fail_for("test_resume_point", resume_point_problem(cls.resumption()))

    @classmethod
    @final
    def _assert_number_of_steps(cls) -> None:
        """Fails unless every resume phase ran exactly the missing steps, the last to the end, and a weight changed."""
        problem = number_of_steps_problem(cls.resumption(), cls.num_steps)
        cls._fail_for("test_number_of_steps", problem or nothing_trained(cls.comparison("parameters")))

    @classmethod
    @final
    def _assert_train_val_init_consumed_samples(cls) -> None:
        """Fails unless stop begins with no sample consumed, resume with some, and validation at its first batch."""
        cls._fail_for("test_train_val_init_consumed_samples", consumed_samples_problem(cls.resumption()))

    @classmethod
    @final
    def _assert_determinism(cls) -> None:
        """Fails unless two uninterrupted runs are the same; where they are not, no metric that differs is judged."""
        cls._fail_for("test_determinism", determinism_problem(cls.runs(), cls._tolerances))

    @classmethod
    @final
    def _assert_additional_callbacks(cls) -> None:
        """Compares what recorders that ``get_default_callbacks`` added beyond ``metrics`` have recorded.

        All are judged before the test ends: it fails if any does, else it is skipped if any is.
        """
        additional = additional_recorders(cls.callbacks, cls.recorder_types())
        if not additional:
            _skip("not applicable: get_default_callbacks adds no recorder beyond metrics")
        found = {metric: cls._verdict_on_additional(metric, phases) for metric, phases in additional.items()}
        failed = {metric: each.reason for metric, each in found.items() if each.verdict is Verdict.FAILED}
        if failed:
            _fail("\n".join([f"test_additional_callbacks: {', '.join(failed)}", *failed.values()]))
        left = [f"{metric}: {each.reason}" for metric, each in found.items() if each.verdict is not Verdict.PASSED]
        if left:
            _skip("; ".join(left))

    @classmethod
    @final
    def _verdict_on_additional(cls, metric: str, phases: Collection[Mode]) -> Judgement:
        problem = registration_problem(metric, phases)
        return cls._verdict_on(metric) if problem is None else Judgement(Verdict.FAILED, problem)

    @classmethod
    @final
    def _fail_for(cls, test: str, problem: str | None) -> None:
        if problem is not None:
            _fail(f"{test}: {problem}\n  {cls.kept_in()}")

    @classmethod
    @final
    def _failure(cls, test: str, comparison: Comparison, judgement: Judgement) -> str:
        if not comparison.mismatches:
            return f"{test}: {judgement.reason}.\n  {cls.kept_in()}"
        declared = [f"{test}: {judgement.reason}."] if judgement.reason else []
        message = failure_message(test, comparison, cls.findings(), cls._declared)
        return "\n".join([*declared, message, *cls._closer_look(comparison), f"  {cls.kept_in()}"])

    @classmethod
    def _closer_look(cls, comparison: Comparison) -> list[str]:
        """What is to be added to the message of a metric that differs."""
        return []

    @classmethod
    @final
    def root_causes(cls) -> list[str]:
        """The lines that name the root causes of the run."""
        return root_cause_lines(cls.findings(), cls._declared)

    @classmethod
    @final
    def findings(cls) -> Findings:
        """What the run shows beside a single metric, found once."""
        if vars(cls).get("_findings") is None:  # its own, as the runs are
            cls._findings = find(cls.resumption(), cls._all_comparisons())
        findings: Findings = vars(cls)["_findings"]
        return findings

    @classmethod
    @final
    def _findings_with(cls, part: Comparison) -> Findings:
        """What the run shows if a part of a comparison were all that differs in its metric."""
        return find(cls.resumption(), {**cls._all_comparisons(), part.metric: part})

    @classmethod
    @final
    def _all_comparisons(cls) -> dict[str, Comparison]:
        return {metric: cls.comparison(metric) for metric in cls._compared_metrics()}

    @classmethod
    @final
    def _comparisons_by_name(cls) -> dict[str, Comparison]:
        """Of the metrics whose values are not found by reach."""
        known = cls.runs().about
        return {metric: cls.comparison(metric) for metric in cls._compared_metrics() if not known(metric).by_reach}

    @classmethod
    @final
    def _compared_metrics(cls) -> list[str]:
        return sorted(cls.runs().metrics | cls.recorder_types().keys())


def _fail(reason: str) -> NoReturn:
    """Ends a test; a suite's own ``fail`` has no say in it, nor its ``failureException``."""
    raise AssertionError(reason)


def _skip(reason: str) -> NoReturn:
    raise unittest.SkipTest(reason)
