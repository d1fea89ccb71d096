"""The failure message: the root causes of the run, and the metric at hand."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import numpy as np

from stopgo_mixins.comparison.causality import root_causes
from stopgo_mixins.comparison.compare import Difference
from stopgo_mixins.comparison.diagnosis import diagnose
from stopgo_mixins.comparison.numbers import distance

if TYPE_CHECKING:
    from stopgo_mixins.comparison.compare import Comparison, Mismatch
    from stopgo_mixins.comparison.diagnosis import Diagnosis
    from stopgo_mixins.comparison.runs import Runs
    from stopgo_mixins.trace.record import Record

_SHOWN_PATHS = 4

_SINGLE_PRECISION = ("float32", "bfloat16", "float16", "<f4", "<f2")
"""The dtypes, of torch and of NumPy, whose numbers all are float32."""


def failure_message(test: str, runs: Runs, comparison: Comparison, comparisons: Mapping[str, Comparison]) -> str:
    """Describes a diverging metric for someone who looks for the fault in their own trainer.

    Args:
        test: the name of the test method.
        runs: the three traces.
        comparison: of the metric at hand.
        comparisons: of all metrics, among which the root causes are looked for.
    """
    return "\n".join(
        [
            f"{test}: the interrupted run differs from the continuous run "
            f"in {len(comparison.mismatches)} of {comparison.compared} records.",
            *(f"  {line}" for line in _first_lines(runs, comparison)),
            f"  {_steps_line(comparison)}",
            *(f"  {line}" for line in root_cause_lines(runs, comparisons)),
        ]
    )


def diagnosed_root_causes(
    runs: Runs, comparisons: Mapping[str, Comparison]
) -> list[tuple[Comparison, Diagnosis | None]]:
    """The root causes of the run in training order, each with its named cause where a known pattern fits."""
    diagnoses = {metric: diagnose(runs, comparison) for metric, comparison in comparisons.items()}
    independent = [metric for metric, diagnosis in diagnoses.items() if diagnosis and diagnosis.independent]
    return [(cause, diagnoses[cause.metric]) for cause in root_causes(comparisons, independent)]


def root_cause_lines(runs: Runs, comparisons: Mapping[str, Comparison]) -> list[str]:
    """One line per root cause of the run, with its named cause; then which metrics follow from them."""
    lines = []
    causes = diagnosed_root_causes(runs, comparisons)
    for cause, diagnosis in causes:
        lines.append(f"root cause of this run: {cause.metric} at {_place(runs, cause.mismatches[0])}")
        if diagnosis is None:
            lines.append("  no known pattern fits; the numbers above are all there is")
        else:
            lines.append(f"  {diagnosis.sentence}")
            lines.append(f'  how to fix it: documentation, "Fixing a divergence", section "{diagnosis.section}"')
    names = {cause.metric for cause, _ in causes}
    consequences = sorted(name for name, found in comparisons.items() if found.mismatches and name not in names)
    if consequences:
        lines.append(f"consequences: {', '.join(consequences)}")
    return lines


def _first_lines(runs: Runs, comparison: Comparison) -> list[str]:
    first = comparison.mismatches[0]
    others = [
        mismatch
        for mismatch in comparison.mismatches[1:]
        if (mismatch.key.order, mismatch.rank) == (first.key.order, first.rank)
    ]
    lines = [f"first at {_place(runs, first)}, rank {first.rank}: {first.key.path or 'the value'}", *_values(first)]
    if others:
        shown = ", ".join(mismatch.key.path for mismatch in others[: _SHOWN_PATHS - 1])
        rest = len(others) - (_SHOWN_PATHS - 1)
        lines.append(f"  also there: {shown}" + (f" and {rest} more" if rest > 0 else ""))
    return lines


def _place(runs: Runs, mismatch: Mismatch) -> str:
    key, point = mismatch.key, runs.resume_point
    if key.moment.is_state:
        return f"state {key.step}" + (" (restored)" if key.step == point and mismatch.phase.value == "resume" else "")
    note = f" (the first after the resume at {point})" if key.step == point + 1 else ""
    where = f", {key.moment.value.replace('_', ' ')} {'.'.join(map(str, key.ordinal))}" if key.ordinal else ""
    return f"step {key.step}{note}{where}"


def _values(mismatch: Mismatch) -> list[str]:
    actual, expected = mismatch.actual, mismatch.expected
    if actual is None or expected is None:
        return [f"  {_presence(mismatch)}"]
    if mismatch.difference is not Difference.VALUE:
        return [
            f"  the {mismatch.difference.value} differs: interrupted {_form(actual)}   continuous {_form(expected)}"
        ]
    gap = distance(actual, expected)
    if gap is None:
        return [f"  interrupted {_shown(actual)}   continuous {_shown(expected)}"]
    ours, theirs = (_number(value, actual.leaf.dtype) for value in (gap.actual, gap.expected))
    ulps = "" if gap.ulps is None else f"   {gap.ulps} ulp"
    lines = [f"  interrupted {ours}   continuous {theirs}   |diff| {gap.absolute:.1e}   rel {gap.relative:.1e}{ulps}"]
    if gap.total > 1:
        lines.append(f"  at {list(gap.index)}, where they differ most; {gap.differing} of {gap.total} elements differ")
    return lines


def _number(value: float | complex | int, dtype: str) -> str:
    """The shortest decimal that is this number in its own precision."""
    return str(np.float32(value)) if dtype in _SINGLE_PRECISION and isinstance(value, float) else repr(value)


def _presence(mismatch: Mismatch) -> str:
    if mismatch.difference is Difference.MISSING:
        return f"missing: the continuous run recorded it, the {mismatch.phase.value} phase did not"
    return f"unexpected: the {mismatch.phase.value} phase recorded it, the continuous run did not"


def _form(record: Record) -> str:
    leaf = record.leaf
    return f"{leaf.kind} {leaf.dtype}{list(leaf.shape)} {leaf.device}".strip() if leaf.dtype else leaf.kind


def _shown(record: Record) -> str:
    if record.leaf.kind in ("tensor", "array"):
        kept = "" if record.read_bytes() is not None else " (values not kept: raise value_budget to see numbers)"
        return f"{_form(record)} digest {record.leaf.digest[:8]}{kept}"
    return repr(record.leaf.scalar) if record.leaf.dtype == "" else _form(record)


def _steps_line(comparison: Comparison) -> str:
    equal, differ = (_ranges(steps) for steps in (comparison.equal_steps, comparison.differing_steps))
    return f"equal {equal} │ differ {differ}"


def _ranges(steps: Collection[int]) -> str:
    """``{1, 2, 3, 7}`` as ``1-3, 7``."""
    ranges: list[list[int]] = []
    for step in sorted(steps):
        if ranges and step == ranges[-1][1] + 1:
            ranges[-1][1] = step
        else:
            ranges.append([step, step])
    return ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in ranges) or "none"
