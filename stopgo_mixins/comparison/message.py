"""The failure message: the root causes of the run first, then the metric at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stopgo_mixins.comparison.compare import Difference
from stopgo_mixins.comparison.numbers import distance
from stopgo_mixins.comparison.wording import form, listed, place, ranges

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from stopgo_mixins.comparison.compare import Comparison, Mismatch
    from stopgo_mixins.comparison.declared import Declarations, DeclaredDivergence
    from stopgo_mixins.comparison.diagnosis.cause import Diagnosis
    from stopgo_mixins.comparison.findings import Findings, RootDivergence
    from stopgo_mixins.trace.record import Record


def failure_message(test: str, comparison: Comparison, findings: Findings, declared: Declarations) -> str:
    """Describes a diverging metric for someone who looks for the cause in their own trainer.

    Args:
        test: the name of the test method.
        comparison: of the metric at hand.
        findings: of the run as a whole.
        declared: what the class says about its metrics.
    """
    return "\n".join(
        [
            f"{test}: the interrupted run differs from the continuous run "
            f"in {len(comparison.mismatches)} of {comparison.compared} records.",
            *_indented(rootcause_lines(findings, declared)),
            f"  this metric: first at {place(comparison.mismatches[0])}, {_where(comparison)}",
            *_indented(_values(comparison.mismatches[0]), 4),
            f"    equal {ranges(comparison.equal_steps)} │ differ {ranges(comparison.differing_steps)}",
        ]
    )


def rootcause_lines(findings: Findings, declared: Declarations) -> list[str]:
    """The root causes of the run with their named causes, what follows from them, and what was not observed."""
    lines = []
    for diagnosis in findings.of_the_run:
        lines += [f"the run as a whole: {diagnosis.sentence}", *_indented(_how_to_fix(diagnosis))]
    for cause in findings.root_causes:
        lines += cause_lines(cause, declared.get(cause.comparison.metric, ()))
    if findings.consequences:
        lines.append(f"consequences: {', '.join(findings.consequences)}")
    if findings.not_observed:
        lines.append(f"not observed: {'; '.join(findings.not_observed)}")
    return lines


def cause_lines(cause: RootDivergence, declared: Sequence[DeclaredDivergence]) -> Iterator[str]:
    """What is known of a root cause."""
    comparison, diagnosis = cause.comparison, cause.diagnosis
    first = comparison.mismatches[0]
    known = [f"known: {each}" for each in declared if each.covers(first.key.path)]
    yield f"root cause of this run: {comparison.metric} at {place(first)}, {_where(comparison)}"
    if diagnosis is not None:
        yield from _indented([diagnosis.sentence, *(known or _how_to_fix(diagnosis))])
        return
    agreeing = f"; up to there it agrees in {', '.join(cause.agreeing)}" if cause.agreeing else ""
    yield from _indented([f"no known pattern fits{agreeing}", *known, *_values(first)])


def _how_to_fix(diagnosis: Diagnosis) -> list[str]:
    return [f'how to fix it: documentation, "Fixing a divergence", section "{diagnosis.cause.section}"']


def _indented(lines: Iterable[str], by: int = 2) -> list[str]:
    return [" " * by + line for line in lines]


def _where(comparison: Comparison) -> str:
    """The rank and the paths of the first divergence."""
    first = comparison.mismatches[0]
    return f"rank {first.rank}: {listed([found.key.path for found in comparison.at_first])}"


def _values(mismatch: Mismatch) -> list[str]:
    actual, expected = mismatch.actual, mismatch.expected
    if actual is None or expected is None:
        return [_presence(mismatch)]
    if mismatch.difference is not Difference.VALUE:
        return [f"the {mismatch.difference.value} differs: interrupted {form(actual)}   continuous {form(expected)}"]
    gap = distance(actual, expected)
    if gap is None:
        return [f"interrupted {_shown(actual)}   continuous {_shown(expected)}"]
    ulps = "" if gap.ulps is None else f"   {gap.ulps} ulp"
    where = f" at {list(gap.index)}, {gap.differing} of {gap.total} elements differ" if gap.total > 1 else ""
    return [
        f"interrupted {gap.actual}   continuous {gap.expected}   "
        f"|diff| {gap.absolute:.1e}   rel {gap.relative:.1e}{ulps}{where}"
    ]


def _presence(mismatch: Mismatch) -> str:
    if mismatch.difference is Difference.MISSING:
        return f"missing: the continuous run recorded it, the {mismatch.leg.name} did not"
    return f"unexpected: the {mismatch.leg.name} recorded it, the continuous run did not"


def _shown(record: Record) -> str:
    if record.leaf.kind in ("tensor", "array"):
        kept = "" if record.read_bytes() is not None else " (values not kept: raise value_budget to see numbers)"
        return f"{form(record)} digest {record.leaf.digest[:8]}{kept}"
    return repr(record.leaf.scalar) if record.leaf.dtype == "" else form(record)
