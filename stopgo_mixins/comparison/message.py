"""The failure message: the news of the metric at hand, and what it follows from."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.compare import Difference
from stopgo_mixins.comparison.diagnosis.generators import is_generator_state
from stopgo_mixins.comparison.diagnosis.remedies import REMEDIES
from stopgo_mixins.comparison.numbers import distance
from stopgo_mixins.comparison.wording import form, listed, place, ranges
from stopgo_mixins.metric import MetricKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stopgo_mixins.comparison.compare import Comparison, Mismatch
    from stopgo_mixins.comparison.declared import Declarations, DeclaredDivergence
    from stopgo_mixins.comparison.diagnosis.cause import Cause
    from stopgo_mixins.comparison.findings import Findings, RootDivergence
    from stopgo_mixins.comparison.numbers import Distance
    from stopgo_mixins.trace.record import Record


MOST_RANGES = 8
"""So many ranges of steps are listed; a validation at every fourth step of a long run has more."""


def failure_message(test: str, comparison: Comparison, findings: Findings, declared: Declarations) -> str:
    """Describes a diverging metric for someone who looks for the cause in their own trainer.

    A root cause is told in full, and nowhere else: what follows from it names it.

    Args:
        test: the name of the test method.
        comparison: of the metric at hand.
        findings: of the run as a whole.
        declared: what the class says about its metrics.
    """
    cause = findings.root_cause(comparison.metric)
    last = [_in_which_steps(comparison)]
    if cause is None:
        news = f"consequence of {', '.join(_causes_in_short(findings, declared)) or 'what is missing'}"
        lines = [f"first at {_first_place(comparison)}", *_indented(_values(comparison))]
    else:
        news = _name(cause)
        lines = root_cause_lines(cause, declared)
        last += [f"consequences: {listed(findings.consequences)}"] if findings.consequences else []
    last += ["reporting only: no other metric differs"] if findings.only_reports else []
    counted = f"{len(comparison.mismatches)} of {comparison.compared} records"
    head = f"{test}: {news}; the interrupted run differs from the continuous run in {counted}."
    return "\n".join([head, *_indented([*lines, " │ ".join(last)])])


def metric_lines(name: str, comparison: Comparison) -> list[str]:
    """Where a metric differs first, by how much, and in which steps."""
    return [
        f"{name}: first at {_first_place(comparison)}",
        *_indented([*_values(comparison), _in_which_steps(comparison)]),
    ]


def _in_which_steps(comparison: Comparison) -> str:
    equal, differ = ranges(comparison.equal_steps, MOST_RANGES), ranges(comparison.differing_steps, MOST_RANGES)
    return f"equal {equal} │ differ {differ}"


def finding_lines(findings: Findings, declared: Declarations) -> list[str]:
    """Everything that concerns the run as a whole: all root causes, what follows from them, what was not observed."""
    lines = []
    for diagnosis in findings.of_the_run:
        lines += [f"the run as a whole: {diagnosis.sentence}", *_indented(how_to_fix(diagnosis.cause))]
    for cause in findings.root_causes:
        lines += root_cause_lines(cause, declared)
    if findings.only_reports:
        lines.append("reporting only: no other metric differs")
    if findings.consequences:
        lines.append(f"consequences: {', '.join(findings.consequences)}")
    if findings.not_observed:
        lines.append(f"not observed: {'; '.join(findings.not_observed)}")
    return lines


def root_cause_lines(cause: RootDivergence, declared: Declarations) -> list[str]:
    """Where it begins, what was seen, and what helps."""
    about = [*cause_sentences(cause, declared), *_values(cause.comparison)]
    if cause.diagnosis is not None and not _known(cause, declared):
        about += how_to_fix(cause.diagnosis.cause)
    return [f"root cause of this run: {cause.metric} at {_first_place(cause.comparison)}", *_indented(about)]


def cause_sentences(cause: RootDivergence, declared: Declarations) -> list[str]:
    """What was seen of a root cause, and what the class says about it."""
    agreeing = f"; up to there it agrees in {', '.join(cause.agreeing)}" if cause.agreeing else ""
    seen = cause.diagnosis.sentence if cause.diagnosis else f"no known pattern fits{agreeing}"
    return [seen, *(f"known: {each}" for each in _known(cause, declared))]


def how_to_fix(cause: Cause) -> list[str]:
    """What usually helps, and where there is more about it."""
    return [
        f"how to fix it: {REMEDIES[cause]}",
        f'more about it: python -m stopgo_mixins explain "{cause}"',
    ]


def _causes_in_short(findings: Findings, declared: Declarations) -> list[str]:
    return [
        *(str(diagnosis.cause) for diagnosis in findings.of_the_run),
        *(f"{cause.metric} ({_name(cause, declared)})" for cause in findings.root_causes),
    ]


def _name(cause: RootDivergence, declared: Declarations | None = None) -> str:
    """What it is called, and whether it is known."""
    name = str(cause.diagnosis.cause) if cause.diagnosis else "no known cause"
    return f"{name}, declared" if declared and _known(cause, declared) else name


def _known(cause: RootDivergence, declared: Declarations) -> list[DeclaredDivergence]:
    return [each for each in declared.get(cause.metric, ()) if each.covers(cause.first.key.path)]


def _indented(lines: Iterable[str], by: int = 2) -> list[str]:
    return [" " * by + line for line in lines]


def _first_place(comparison: Comparison) -> str:
    """Where it diverges first: the moment, the rank and the paths."""
    first = comparison.mismatches[0]
    return f"{place(first)}, rank {first.rank}: {listed([found.key.path for found in comparison.at_first])}"


def _values(comparison: Comparison) -> list[str]:
    """What differs first."""
    mismatch = comparison.mismatches[0]
    actual, expected = mismatch.actual, mismatch.expected
    if actual is None or expected is None:
        return [_presence(mismatch)]
    if mismatch.difference is Difference.ALGORITHM:
        return [_algorithms(actual, expected)]
    if mismatch.difference is not Difference.VALUE:
        return [f"the {mismatch.difference.value} differs: interrupted {form(actual)}   continuous {form(expected)}"]
    if MetricKind.RANDOM_STREAMS in comparison.about.kinds or is_generator_state(actual.leaf):
        return []  # how far apart two states of a generator are means nothing
    gap = distance(actual, expected)
    if gap is None:
        return [f"interrupted {_shown(actual)}   continuous {_shown(expected)}"]
    return [_numbers(gap)]


def _numbers(gap: Distance) -> str:
    """The element that differs most, by everything that has a meaning there."""
    shown = [f"interrupted {gap.actual}", f"continuous {gap.expected}"]
    if math.isfinite(gap.absolute):
        shown.append(f"|diff| {gap.absolute:.1e}")
    if gap.relative is not None:
        shown.append(f"rel {gap.relative:.1e}")
    if gap.ulps is not None:
        shown.append(f"{gap.ulps} ulp")
    where = f" at {list(gap.index)}, {gap.differing} of {gap.total} elements differ" if gap.total > 1 else ""
    return "   ".join(shown) + where


def _algorithms(actual: Record, expected: Record) -> str:
    ours, theirs = actual.leaf.algorithm, expected.leaf.algorithm
    return (
        f"cannot be compared: the interrupted run was digested by {ours}, the continuous one by {theirs}, and the "
        "values were not kept: record both runs with the same version, or raise value_budget"
    )


def _presence(mismatch: Mismatch) -> str:
    if mismatch.difference is Difference.MISSING:
        return f"missing: the continuous run recorded it, the {mismatch.leg.name} did not"
    return f"unexpected: the {mismatch.leg.name} recorded it, the continuous run did not"


def _shown(record: Record) -> str:
    if record.leaf.kind in ("tensor", "array"):
        kept = "" if record.read_bytes() is not None else " (values not kept: raise value_budget to see numbers)"
        return f"{form(record)} digest {record.leaf.digest[:8]}{kept}"
    return repr(record.leaf.scalar) if record.leaf.dtype == "" else form(record)
