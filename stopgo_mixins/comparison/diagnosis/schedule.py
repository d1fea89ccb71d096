"""Patterns of schedules and hyper-parameters."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.compare import Difference
from stopgo_mixins.comparison.diagnosis.cause import Cause, Diagnosis
from stopgo_mixins.comparison.diagnosis.counters import is_counter
from stopgo_mixins.comparison.states import number
from stopgo_mixins.comparison.wording import counted, listed

if TYPE_CHECKING:
    from stopgo_mixins.comparison.diagnosis.divergence import Divergence
    from stopgo_mixins.trace.record import Leaf, Record

Values = dict[int, "Leaf"]
"""Step -> what was recorded at that state."""

_SHORTEST = 2
"""So many states in a row must match before a shift is believed."""


def step_missed(divergence: Divergence) -> Diagnosis | None:
    """A scheduler that steps now and then, as at an epoch's end, leaves a step out: its state stays what it was."""
    step, here = divergence.first.key.step, divergence.here
    if not divergence.is_state or not any(is_counter(divergence, found.key.path) for found in here):
        return None
    expected = {found.key.path: _values(divergence.expected[found.key.path]) for found in here}
    stays = all(found.actual and found.actual.leaf == expected[found.key.path].get(step - 1) for found in here)
    changes = {at for values in expected.values() for at, leaf in values.items() if values.get(at - 1, leaf) != leaf}
    if not stays or len(changes) >= max(map(len, expected.values())) - 1:
        return None
    paths = listed([found.key.path for found in here])
    between = f"between state {step - 1} and {divergence.where}"
    sentence = f"{paths}: the scheduler did not step {between}, as it does in the continuous run"
    return Diagnosis(Cause.SCHEDULE_STEP_MISSED, sentence, independent=True)


def schedule_moved(divergence: Divergence) -> Diagnosis | None:
    """From the first divergence on, every value is that of a state some steps earlier or later."""
    first = divergence.first
    if not divergence.is_state or first.difference is not Difference.VALUE:
        return None
    point, step = divergence.leg.start, first.key.step
    expected = {found.key.path: _values(divergence.expected[found.key.path]) for found in divergence.here}
    actual = {path: _values(divergence.resumed[path]) for path in expected}
    last = max((number for values in expected.values() for number in values), default=0)
    restart = -point if step <= point + 1 else None
    for shift in sorted(range(-last, last + 1), key=lambda by: (by != restart, abs(by))):
        if shift and all(_fits(actual[path], expected[path], step, shift) for path in expected):
            return _restarted(divergence) if shift == restart else _shifted(divergence, shift)
    return None


def _values(records: list[Record]) -> Values:
    return {record.key.step: record.leaf for record in records if record.key.moment.is_state}


def _fits(actual: Values, expected: Values, start: int, shift: int) -> bool:
    pairs = [(leaf, expected.get(step + shift)) for step, leaf in actual.items() if step >= start]
    inside = [(leaf, other) for leaf, other in pairs if other is not None]
    return len(inside) >= min(_SHORTEST, len(pairs)) and all(leaf == other for leaf, other in inside)


def _restarted(divergence: Divergence) -> Diagnosis:
    point = divergence.leg.start
    step = divergence.first.key.step
    sentence = f"the schedule restarted: state {step} has the value of state {step - point}, and so on"
    return Diagnosis(Cause.SCHEDULE_RESTARTED, sentence)


def _shifted(divergence: Divergence, shift: int) -> Diagnosis:
    step = divergence.first.key.step
    direction = "ahead" if shift > 0 else "behind"
    steps = _steps_between(divergence, *sorted((step, step + shift)))
    if steps == abs(shift):
        sentence = (
            f"the schedule is shifted by {shift:+d}: from state {step} on it is {counted(steps, 'update')} {direction}"
        )
    else:
        what = f"{counted(steps, 'step')} of its own {direction}"
        sentence = f"the schedule is {what}: state {step} has the value of state {step + shift}, and so on"
    return Diagnosis(Cause.SCHEDULE_SHIFTED, sentence)


def _steps_between(divergence: Divergence, low: int, high: int) -> int:
    """After how many updates the continuous run changes what differs."""
    states = [_values(divergence.expected[found.key.path]) for found in divergence.here]
    return sum(any(values.get(at) != values.get(at - 1) for values in states) for at in range(low + 1, high + 1))


def hyper_parameter(divergence: Divergence) -> Diagnosis | None:
    """A hyper-parameter is not the saved one, such as when it is taken from the constructor."""
    for mismatch in divergence.here:
        match = re.match(r"\[(\d+)\]\[(\d+)\]\['(\w+)'\](.*)", mismatch.key.path)
        if match and mismatch.actual and mismatch.expected:
            optimizer, group, name, rest = match.groups()
            values = f"is {_shown(mismatch.actual)} instead of {_shown(mismatch.expected)}"
            sentence = f"{name}{rest} of optimizer {optimizer}, group {group} {values}"
            return Diagnosis(Cause.HYPER_PARAMETER, sentence)
    return None


def _shown(record: Record) -> str:
    return repr(number(record) if record.leaf.kind == "tensor" else record.leaf.scalar)
