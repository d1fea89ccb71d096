"""One test method per metric, generated on each concrete class."""

from __future__ import annotations

import dataclasses
import unittest
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, ClassVar, NoReturn

from typing_extensions import final

from stopgo_mixins.comparison.compare import Comparison
from stopgo_mixins.comparison.declared import Declarations, DeclaredDivergence
from stopgo_mixins.comparison.evidence import Judgement, Verdict
from stopgo_mixins.comparison.examination import Examination
from stopgo_mixins.comparison.reseeded import ReseededStart
from stopgo_mixins.comparison.runs import Runs
from stopgo_mixins.comparison.terms import Terms
from stopgo_mixins.comparison.tolerance import Tolerance
from stopgo_mixins.mixins.additional import additional_recorders, registration_problem
from stopgo_mixins.mixins.registry import CallbackRegistryMixin
from stopgo_mixins.mixins.reporting import ReportMixin
from stopgo_mixins.mode import Mode
from stopgo_mixins.trace.selection import LeftOut
from stopgo_mixins.trace.store import Trace

__unittest = __tracebackhide__ = True  # keeps this module out of tracebacks: unittest's, and pytest's

_NEVER_RUN = (
    "no training phase has run. Either the runner never called setUpClass, or a setUpClass of this class or of one of "
    "its bases does not call super().setUpClass()."
)


class ConsistencyAssertionsMixin(CallbackRegistryMixin, ReportMixin):
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
        unsaved: path -> why nobody need save what is found there by ``unsaved_state``; the same, of that metric.
    """

    tolerances: ClassVar[Mapping[str, Tolerance]] = {}
    output_tensor_atol: ClassVar[float] = 0.0
    output_tensor_rtol: ClassVar[float] = 0.0
    require_evidence: ClassVar[bool] = False
    declared: ClassVar[Mapping[str, DeclaredDivergence | Sequence[DeclaredDivergence]]] = {}
    left_out: ClassVar[LeftOut] = {}
    unsaved: ClassVar[Mapping[str, str]] = {}

    addClassCleanup: Callable[..., Any]  # noqa: N815 - unittest's own name

    _tolerances: ClassVar[Mapping[str, Tolerance]] = {}
    _declared: ClassVar[Declarations] = {}
    _left_out: ClassVar[LeftOut] = {}
    _control_traces: ClassVar[Mapping[str, Trace]] = {}
    _reseeded: ClassVar[ReseededStart | None] = None
    _examination: ClassVar[Examination | None] = None
    _first_without_phases: ClassVar[str]
    _testMethodName: str  # noqa: N815 - unittest's own name

    @classmethod
    def setUpClass(cls) -> None:
        """Forgets an earlier run of the same class."""
        cls._forget_what_was_compared()
        super().setUpClass()

    @classmethod
    def _forget_what_was_compared(cls) -> None:
        cls._examination = None

    @classmethod
    @final
    def runs(cls) -> Runs:
        """The traces of the legs and of the continuous run.

        Raises:
            AssertionError: when no training phase has run, because nobody called ``setUpClass``.
        """
        return cls.examination().runs

    @classmethod
    @final
    def examination(cls) -> Examination:
        """The traces, and all that is asked of them.

        Raises:
            AssertionError: as :meth:`runs` does.
        """
        if vars(cls).get("_examination") is None:  # its own: a class never reads what its parent recorded
            if not cls._phases_have_run():
                _fail(f"{cls.__name__}: {_NEVER_RUN}")
            legs = (Trace(directory) for _, directory in cls.legs())
            runs = Runs.of(legs, cls.trace(Mode.CONTINUOUS), cls.known_metrics(), **cls._control_traces)
            cls._examination = Examination(dataclasses.replace(runs, reseeded=cls._reseeded), cls._terms())
        examination: Examination = vars(cls)["_examination"]
        return examination

    @classmethod
    def _terms(cls) -> Terms:
        return Terms(cls.num_steps, cls._tolerances, cls._declared, cls._left_out, cls.require_evidence)

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
        return cls.examination().comparison(metric)

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
        judgement = cls.examination().judgement(metric)
        if judgement.verdict is Verdict.FAILED:
            return Judgement(Verdict.FAILED, cls._failure(metric))
        verdict, reason = judgement.verdict, judgement.reason
        if verdict is not Verdict.NOT_VERIFIED:
            return Judgement(verdict, f"{metric} is {verdict.value}: {reason}")
        if cls.require_evidence:
            text = f"test_{metric}: {verdict.value}: {reason} (a failure because require_evidence is set)"
            return Judgement(Verdict.FAILED, text)
        # In capitals, because a list of skipped tests is mostly of what does not apply.
        return Judgement(verdict, f"{metric} is {verdict.value.upper()}: {reason}")

    @classmethod
    @final
    def _failure(cls, metric: str) -> str:
        """The message of a failing metric; what follows from another one's divergence is told in few lines."""
        examination, report = cls.examination(), cls._report_path()
        seen_closer = cls._look_closer(metric)
        message = examination.failure(metric)
        if examination.is_consequence(metric):
            return f"{message} │ report: {report}" if report else message
        return "\n".join([message, *seen_closer, f"  {cls._where_to_look()}"])

    @classmethod
    def _look_closer(cls, metric: str) -> list[str]:
        """What is to be added to the message of a metric that follows from no other one."""
        return []

    @classmethod
    @final
    def _assert_resume_point(cls) -> None:
        """Fails unless every resume phase continued from the newest checkpoint, and not from scratch."""
        cls._fail_for("test_resume_point", cls.examination().resume_point_problem())

    @classmethod
    @final
    def _assert_number_of_steps(cls) -> None:
        """Fails unless every resume phase ran exactly the missing steps, the last to the end, and a weight changed."""
        cls._fail_for("test_number_of_steps", cls.examination().number_of_steps_problem())

    @classmethod
    @final
    def _assert_train_val_init_consumed_samples(cls) -> None:
        """Fails unless stop begins with no sample consumed, resume with some, and validation at its first batch."""
        cls._fail_for("test_train_val_init_consumed_samples", cls.examination().consumed_samples_problem())

    @classmethod
    @final
    def _assert_determinism(cls) -> None:
        """Fails unless two uninterrupted runs are the same; where they are not, no metric that differs is judged."""
        cls._fail_for("test_determinism", cls.examination().determinism_problem())

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
        left = [each.reason for each in found.values() if each.verdict is not Verdict.PASSED]
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
            _fail(f"{test}: {problem}\n  {cls._where_to_look()}")


def _fail(reason: str) -> NoReturn:
    """Ends a test; a suite's own ``fail`` has no say in it, nor its ``failureException``."""
    raise AssertionError(reason)


def _skip(reason: str) -> NoReturn:
    raise unittest.SkipTest(reason)
