"""From the pattern of a divergence to its cause.

Every rule is a pure function of the traces and one comparison; the first that recognises its pattern names the cause.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stopgo_mixins.comparison.compare import Comparison, Mismatch
    from stopgo_mixins.comparison.runs import Runs
    from stopgo_mixins.trace.record import Record
    from stopgo_mixins.trace.store import Trace


@dataclass(frozen=True)
class Diagnosis:
    """A named cause.

    Attributes:
        cause: a short name, such as ``"data restarted"``.
        sentence: what was seen, for someone who looks for the fault in their own trainer.
        section: the section of "fixing a divergence" in the documentation.
        independent: the cause needs no other one, whatever else diverged before it.
    """

    cause: str
    sentence: str
    section: str
    independent: bool = False


Rule = Callable[["Runs", "Comparison"], Diagnosis | None]


def diagnose(runs: Runs, comparison: Comparison) -> Diagnosis | None:
    """Names the cause of a divergence, or returns ``None`` where no known pattern fits."""
    if comparison.first is None:
        return None
    for rule in _RULES.get(comparison.metric, ()):
        diagnosis = rule(runs, comparison)
        if diagnosis is not None:
            return diagnosis
    return None


def _rng_not_restored(runs: Runs, comparison: Comparison) -> Diagnosis | None:
    first = comparison.mismatches[0]
    if not first.key.moment.is_state or first.key.step != runs.resume_point:
        return None
    streams = sorted({_head(mismatch.key.path) for mismatch in _mismatches_at_first(comparison)})
    named = ", ".join(streams)
    generators = "generator was" if len(streams) == 1 else "generators were"
    return Diagnosis("rng not restored", f"{named}: the {generators} not restored with the checkpoint", "RNG")


def _head(path: str) -> str:
    """The first key of a path: ``['torch']`` is ``torch``."""
    match = re.match(r"\['(.*?)'\]", path)
    return match[1] if match else path


def _mismatches_at_first(comparison: Comparison) -> Iterator[Mismatch]:
    first = comparison.mismatches[0].key
    return (
        found for found in comparison.mismatches if (found.key.step, found.key.moment) == (first.step, first.moment)
    )


def _data_moved(runs: Runs, comparison: Comparison) -> Diagnosis | None:
    """The resumed batches are batches of the continuous run, at another place."""
    rank = comparison.mismatches[0].rank
    expected = _batches(runs.continuous, rank, comparison.metric)
    resumed = [batch for batch in _batches(runs.resume, rank, comparison.metric) if batch[0] > runs.resume_point]
    if not resumed or not expected:
        return None
    start = next((index for index, batch in enumerate(expected) if batch[0] > runs.resume_point), 0)
    content = [batch[1] for batch in expected]
    found = [batch[1] for batch in resumed]
    reach = min(len(found), _COMPARED_BATCHES)
    for place in sorted(range(len(content)), key=lambda index: abs(index - start)):
        window = content[place : place + reach]
        if place != start and window and window == found[: len(window)]:
            return _moved(place, start, resumed[0][0])
    return None


_COMPARED_BATCHES = 2
"""So many batches in a row must match before a shift is believed."""

_Batch = tuple[int, tuple[str, ...]]


def _batches(trace: Trace, rank: int, metric: str) -> list[_Batch]:
    """``(step, digests)`` of every micro-batch in training order."""
    if rank not in trace.ranks:
        return []
    records = trace.ranks[rank].records(metric)
    return [
        (step, tuple(record.leaf.digest for record in group)) for (step, _), group in groupby(records, key=_micro_batch)
    ]


def _micro_batch(record: Record) -> tuple[int, tuple[int, ...]]:
    return record.key.step, record.key.ordinal


def _moved(place: int, start: int, step: int) -> Diagnosis:
    if place == 0:
        return Diagnosis(
            "data restarted",
            f"the data restarted: step {step} reads the batch that step 1 read",
            "Data restarted",
            independent=True,
        )
    shift = place - start
    direction = "later" if shift > 0 else "earlier"
    return Diagnosis(
        "data shifted",
        f"the data are off by {shift:+d}: step {step} reads the batch {abs(shift)} {direction} in the continuous run",
        "Data shifted",
        independent=True,
    )


def _validation_repeated(runs: Runs, comparison: Comparison) -> Diagnosis | None:
    """Lightning 2.4 does this: it goes back into the validation loop in which the checkpoint was written."""
    first = comparison.mismatches[0]
    if not first.key.path.startswith("repeated") or first.actual is None:
        return None
    return Diagnosis(
        "validation repeated",
        f"the resume phase ran the validation after update {first.key.step} again, which the stop phase had run "
        "before it was interrupted: whatever counts validations or monitors val_loss sees it twice",
        "Validation repeated",
        independent=True,
    )


_RULES: dict[str, tuple[Rule, ...]] = {
    "rng_state": (_rng_not_restored,),
    "train_input": (_data_moved,),
    "validation_schedule": (_validation_repeated,),
}
