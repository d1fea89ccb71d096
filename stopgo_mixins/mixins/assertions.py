"""One test method per metric, generated on each concrete class."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, ClassVar, NoReturn

from parameterized import parameterized

from stopgo_mixins.comparison.compare import Comparison, compare
from stopgo_mixins.comparison.declared import DeclaredDivergence, declaration_problem
from stopgo_mixins.comparison.evidence import Judgement, Verdict, judge
from stopgo_mixins.comparison.findings import Findings, find
from stopgo_mixins.comparison.message import failure_message, root_cause_lines
from stopgo_mixins.comparison.resumption import (
    Resumption,
    consumed_samples_problem,
    number_of_steps_problem,
    resume_point_problem,
)
from stopgo_mixins.comparison.runs import Runs
from stopgo_mixins.comparison.tolerance import Tolerance
from stopgo_mixins.mixins.registry import Callbacks
from stopgo_mixins.mode import Mode
from stopgo_mixins.recorders.recorder import Recorder
from stopgo_mixins.trace.selection import LeftOut
from stopgo_mixins.trace.store import Trace

__unittest = True  # keeps the frames of this module out of unittest's tracebacks

_GENERATED = "_stopgo_generated"


class ConsistencyAssertionsMixin:
    """Compares interrupted with continuous, one test per metric.

    Attributes:
        tolerances: per metric; merged over the MRO; everything else is compared bit by bit.
        output_tensor_atol: absolute tolerance of ``train_output`` and ``valid_output``, together with the next.
        output_tensor_rtol: relative tolerance of the same.
        require_evidence: whether a metric that is not verified fails instead of being skipped.
        declared: metrics that are known to diverge, from where on and why; merged over the MRO.
        left_out: metric -> path -> why it is not recorded; merged over the MRO. What lies inside of a path goes with
            it, and a path that the run does not have is a failure.
    """

    tolerances: ClassVar[Mapping[str, Tolerance]] = {}
    output_tensor_atol: ClassVar[float] = 0.0
    output_tensor_rtol: ClassVar[float] = 0.0
    require_evidence: ClassVar[bool] = False
    declared: ClassVar[Mapping[str, DeclaredDivergence]] = {}
    left_out: ClassVar[LeftOut] = {}

    num_steps: ClassVar[int]
    callbacks: ClassVar[Callbacks]
    trace: Callable[[Mode], Trace]
    legs: Callable[[], list[tuple[Mode, Path]]]
    kept_in: Callable[[], str]
    recorder_types: Callable[[], dict[str, type[Recorder]]]
    fail: Callable[..., NoReturn]
    skipTest: Callable[..., NoReturn]  # noqa: N815 - unittest's own name
    subTest: Callable[..., Any]  # noqa: N815 - unittest's own name

    _tolerances: ClassVar[Mapping[str, Tolerance]] = {}
    _declared: ClassVar[Mapping[str, DeclaredDivergence]] = {}
    _left_out: ClassVar[LeftOut] = {}
    _control_traces: ClassVar[Mapping[str, Trace]] = {}
    _compared: ClassVar[dict[str, Comparison]]
    _resumption: ClassVar[Resumption | None] = None
    _findings: ClassVar[Findings | None] = None

    @classmethod
    def setUpClass(cls) -> None:
        """Forgets an earlier run of the same class."""
        cls._forget_what_was_compared()
        super().setUpClass()  # type: ignore[misc]  # of the phases

    @classmethod
    def _forget_what_was_compared(cls) -> None:
        cls._compared = {}
        cls._resumption = None
        cls._findings = None

    @classmethod
    def runs(cls) -> Runs:
        """The traces of the legs and of the continuous run.

        Raises:
            AssertionError: when no training phase has run, because nobody called ``setUpClass``.
        """
        return cls.resumption().runs

    @classmethod
    def resumption(cls) -> Resumption:
        """The traces, and what is asked of the run as a whole, found once.

        Raises:
            AssertionError: as :meth:`runs` does.
        """
        if vars(cls).get("_resumption") is None:  # its own: a class never reads what its parent recorded
            if "metadata_dir" not in cls.__dict__:
                raise AssertionError(
                    f"{cls.__name__}: no training phase has run. Either the runner never called setUpClass, or a "
                    "setUpClass of this class or of one of its bases does not call super().setUpClass()."
                )
            legs = (Trace(directory) for _, directory in cls.legs())
            cls._resumption = Resumption(Runs.of(legs, cls.trace(Mode.CONTINUOUS), **cls._control_traces))
        resumption: Resumption = vars(cls)["_resumption"]
        return resumption

    @classmethod
    def comparison(cls, metric: str) -> Comparison:
        """The comparison of one metric, made once."""
        if metric not in cls._compared:
            cls._compared[metric] = compare(cls.runs(), metric, cls._tolerances.get(metric))
        return cls._compared[metric]

    @classmethod
    def metrics_with_tolerance(cls) -> frozenset[str]:
        """The metrics whose recorded values are needed to be compared."""
        return frozenset(cls._tolerances)

    def assert_metric(self, metric: str) -> None:
        """Passes, fails or skips by the verdict on a metric."""
        resumption, comparison = self.resumption(), self.comparison(metric)
        if declared := self._declared.get(metric):
            problem = declaration_problem(declared, comparison, self.findings())
            judgement = Judgement(Verdict.FAILED, problem) if problem else Judgement(Verdict.PASSED)
        else:
            judgement = judge(resumption, comparison, self._tolerances.get(metric), self._left_out.get(metric, ()))
        self._conclude(f"test_{metric}", comparison, judgement)

    def _conclude(self, test: str, comparison: Comparison, judgement: Judgement) -> None:
        if judgement.verdict is Verdict.PASSED:
            return
        if judgement.verdict is Verdict.FAILED:
            self.fail(self._failure(test, comparison, judgement))
        text = f"{judgement.verdict.value}: {judgement.reason}"
        if judgement.verdict is Verdict.NOT_VERIFIED and self.require_evidence:
            self.fail(f"{test}: {text} (a failure because require_evidence is set)")
        self.skipTest(text)

    def assert_resume_point(self) -> None:
        """Fails unless every resume phase continued from the newest checkpoint, and not from scratch."""
        self._fail_for("test_resume_point", resume_point_problem(self.resumption()))

    def assert_number_of_steps(self) -> None:
        """Fails unless every resume phase ran exactly the steps that were missing, the last one up to the end."""
        self._fail_for("test_number_of_steps", number_of_steps_problem(self.resumption(), self.num_steps))

    def assert_train_val_init_consumed_samples(self) -> None:
        """Fails unless stop begins with no sample consumed, resume with some, and validation at its first batch."""
        self._fail_for("test_train_val_init_consumed_samples", consumed_samples_problem(self.resumption()))

    def assert_additional_callbacks(self) -> None:
        """Compares what recorders that ``get_default_callbacks`` added beyond ``metrics`` have recorded."""
        self.runs()
        known = self.recorder_types()
        recorders = (found for found in self.callbacks[Mode.CONTINUOUS].values() if isinstance(found, Recorder))
        additional = sorted({recorder.metric for recorder in recorders} - known.keys())
        if not additional:
            self.skipTest("not applicable: get_default_callbacks adds no recorder beyond metrics")
        for metric in additional:
            with self.subTest(metric=metric):
                self.assert_metric(metric)

    def _fail_for(self, test: str, problem: str | None) -> None:
        if problem is not None:
            self.fail(f"{test}: {problem}\n  {self.kept_in()}")

    def _failure(self, test: str, comparison: Comparison, judgement: Judgement) -> str:
        if not comparison.mismatches:
            return f"{test}: {judgement.reason}.\n  {self.kept_in()}"
        declared = [f"{test}: {judgement.reason}."] if judgement.reason else []
        message = failure_message(test, comparison, self.findings(), self._declared)
        return "\n".join([*declared, message, f"  {self.kept_in()}"])

    @classmethod
    def root_causes(cls) -> list[str]:
        """The lines that name the root causes of the run."""
        return root_cause_lines(cls.findings(), cls._declared)

    @classmethod
    def findings(cls) -> Findings:
        """What the run shows beside a single metric, found once."""
        if vars(cls).get("_findings") is None:  # its own, as the runs are
            cls._findings = find(cls.resumption(), cls._all_comparisons())
        findings: Findings = vars(cls)["_findings"]
        return findings

    @classmethod
    def _all_comparisons(cls) -> dict[str, Comparison]:
        return {metric: cls.comparison(metric) for metric in sorted(cls.runs().metrics | cls.recorder_types().keys())}

    @classmethod
    def _generate_tests(cls) -> None:
        """Gives the class its generated tests; hand-written ones win, and so does a hand-written ``None``."""
        tests = _fresh_tests(cls.recorder_types())
        cls._remove_generated_tests(keep=tests)
        for name, test in tests.items():
            found = getattr(cls, name, None)
            if _is_generated(found) or (found is None and name not in vars(cls)):
                setattr(cls, name, test)

    @classmethod
    def _remove_generated_tests(cls, keep: Collection[str] = ()) -> None:
        """Takes away inherited tests of metrics that the class does not have."""
        for name in dir(cls):
            if name.startswith("test_") and name not in keep and _is_generated(getattr(cls, name)):
                setattr(cls, name, None)


def _is_generated(attribute: object) -> bool:
    return getattr(attribute, _GENERATED, False) is True


def _fresh_tests(metrics: Mapping[str, object]) -> dict[str, Any]:
    """New functions at every call: pytest drops tests that several classes share."""
    tests: dict[str, Any] = {}

    def metric_template(self: ConsistencyAssertionsMixin, metric: str) -> None:
        self.assert_metric(metric)

    def run_template(self: ConsistencyAssertionsMixin, check: str) -> None:
        getattr(self, f"assert_{check}")()

    _expand(list(metrics), metric_template, tests)
    _expand(
        ["resume_point", "number_of_steps", "train_val_init_consumed_samples", "additional_callbacks"],
        run_template,
        tests,
    )
    for name, test in tests.items():
        tests[name] = _without_foreign_frames(test)
        setattr(tests[name], _GENERATED, True)
    return tests


def _without_foreign_frames(test: Callable[[Any], None]) -> Callable[[Any], None]:
    """The test, whose failures show their message only: nothing on the way to it tells about the user's run."""

    def run(self: ConsistencyAssertionsMixin) -> None:
        __tracebackhide__ = True  # for pytest what __unittest is for unittest
        try:
            test(self)
        except AssertionError as failure:
            raise failure.with_traceback(None) from None

    run.__name__ = test.__name__
    return run


def _expand(names: list[str], template: Callable[..., None], namespace: dict[str, Any]) -> None:
    expand = parameterized.expand(
        [(name,) for name in names],
        name_func=lambda _function, _number, parameters: f"test_{parameters.args[0]}",
        doc_func=lambda _function, _number, _parameters: None,  # unittest -v would show it instead of the name
        namespace=namespace,
    )
    expand(template)
