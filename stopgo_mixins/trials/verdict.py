"""What the tests of a class say about an injected fault."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.compare import compare
from stopgo_mixins.trials.outcome import FailedTest, NamedCause, Outcome, Status

if TYPE_CHECKING:
    from stopgo_mixins.comparison.compare import Comparison
    from stopgo_mixins.exceptions import PhaseError
    from stopgo_mixins.faults.fault import Fault, Symptom
    from stopgo_mixins.trials.faulty_resume import FaultyResume
    from stopgo_mixins.trials.tested import Tested

NO_REASON = "No reason is known: the library itself does not see this fault."


def judge_trial(fault: Fault, faulty: type[FaultyResume], tested: Tested, without_fault: Tested) -> Outcome:
    """Whether the tests caught a fault, and showed what they should."""
    failed = [test for test in tested.failed if test in without_fault.sound]
    if not failed:
        return Outcome(fault, Status.SURVIVED, reason=_why_unseen(fault, faulty, tested, without_fault))
    root_causes = tuple(_root_causes(faulty))
    telling = [f"test_{metric}" for metric in (*_metrics(fault), *(cause.metric for cause in root_causes))]
    failed.sort(key=lambda test: telling.index(test) if test in telling else len(telling))
    return Outcome(
        fault,
        Status.CAUGHT,
        tests=tuple(FailedTest(test, _place(faulty.comparison(test.removeprefix("test_")))) for test in failed),
        root_causes=root_causes,
        missing=(*_missing_symptoms(fault, faulty, failed), *_missing_cause(fault, root_causes)),
    )


def judge_failed_phase(fault: Fault, faulty: type[FaultyResume], error: PhaseError) -> Outcome:
    """A fault that is to end the phase is caught, and well if the error names the checkpoint.

    Of any other no test could be asked.
    """
    if not fault.ends_the_phase:
        return Outcome(fault, Status.NOT_TRIED, reason=f"the resume phase did not come to its end with it: {error}")
    path = faulty.stopped_run.checkpoint
    missing = [] if path in str(error) else [f"the error should name the checkpoint {path}: {error}"]
    return Outcome(fault, Status.CAUGHT, tests=(FailedTest("the resume phase", ""),), missing=tuple(missing))


def _metrics(fault: Fault) -> list[str]:
    return [symptom.metric for symptom in fault.symptoms]


def _root_causes(faulty: type[FaultyResume]) -> Iterator[NamedCause]:
    findings = faulty.examination().findings
    for diagnosis in findings.of_the_run:
        yield NamedCause("", "", diagnosis.cause, diagnosis.sentence)
    for found in findings.root_causes:
        cause, sentence = (found.diagnosis.cause, found.diagnosis.sentence) if found.diagnosis else (None, "")
        yield NamedCause(found.comparison.metric, _place(found.comparison), cause, sentence)


def _place(comparison: Comparison) -> str:
    if comparison.first is None:
        return ""
    key = comparison.first.key
    return f"{'state' if key.moment.is_state else 'step'} {key.step}"


def _missing_symptoms(fault: Fault, faulty: type[FaultyResume], failed: list[str]) -> Iterator[str]:
    for symptom in fault.symptoms:
        test = f"test_{symptom.metric}"
        if test not in failed:
            yield f"{test} should fail, and does not"
        elif not _is_in_place(symptom, faulty):
            place = _place(faulty.comparison(symptom.metric))
            yield f"{test} should fail first at {symptom.point and symptom.point.value}, and does so at {place}"


def _is_in_place(symptom: Symptom, faulty: type[FaultyResume]) -> bool:
    point = faulty.stopped_run.resume_point
    return symptom.point is None or symptom.point.is_first_of(faulty.comparison(symptom.metric), point)


def _missing_cause(fault: Fault, root_causes: tuple[NamedCause, ...]) -> Iterator[str]:
    named = [f"{found.metric or 'the run'} {found.place}: {found.cause or 'no cause'}" for found in root_causes]
    if fault.causes and not any(found.cause in fault.causes for found in root_causes):
        yield f'the cause "{" or ".join(fault.causes)}" should be named; named are: {"; ".join(named) or "none"}'


def _why_unseen(fault: Fault, faulty: type[FaultyResume], tested: Tested, without_fault: Tested) -> str:
    tests = [f"test_{metric}" for metric in _metrics(fault)]
    unable = (_why_unable(test, faulty, without_fault) for test in tests)
    skipped = (
        f"{test} is skipped{which}: {found.skipped[test]}."
        for found, which in ((without_fault, " without any fault"), (tested, ""))
        for test in tests
        if test in found.skipped and not (found is without_fault and test in found.sound)
    )
    reasons = (*unable, fault.unseen(faulty.stopped_run), *skipped)
    return next(filter(None, reasons), NO_REASON)


def _why_unable(test: str, faulty: type[FaultyResume], without_fault: Tested) -> str | None:
    """Why the test that should have failed cannot fail."""
    if test in without_fault.failed:
        return f"{test} fails without any fault. Make it pass first."
    if getattr(faulty, test, None) is None:
        return f"{faulty.exp_name} has no {test}: the metric was removed. Put it back into metrics."
    metric = test.removeprefix("test_")
    tolerance = faulty._tolerances.get(metric)
    if tolerance is not None and compare(faulty.runs(), metric).mismatches:
        return f"the tolerance of {metric}, {tolerance}, is wider than the fault. Remove it, or make it smaller."
    return None
