"""Faults of the position in the training data."""

from __future__ import annotations

import math
from contextlib import contextmanager
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import torch

from stopgo_mixins.comparison.diagnosis.cause import Cause
from stopgo_mixins.faults.fault import Fault, NotApplicable, Point, Symptom
from stopgo_mixins.faults.injections import ChangeBatches, EditCheckpoint
from stopgo_mixins.recorders.generators import generators_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stopgo_mixins.faults.loaders import Pass
    from stopgo_mixins.faults.saved_state import SavedState
    from stopgo_mixins.faults.stopped_run import StoppedRun

ANOTHER_SEED = 77
"""Of the permutation that a reshuffled epoch has."""


def _forget_position(saved: SavedState, run: StoppedRun) -> None:
    if not saved.loaders:
        raise NotApplicable("the checkpoint holds no position of a training loader")
    saved.loaders.clear()


def _read_before(run: StoppedRun) -> int:
    """How many micro-batches of its epoch had been read at the resume point."""
    return run.saved.batches_read - run.batches.epochs[_epoch(run)]


def _epoch(run: StoppedRun) -> int:
    """The epoch of the last batch before the resume point."""
    return max(number for number, start in enumerate(run.batches.epochs) if start < run.saved.batches_read)


def _again(run: StoppedRun, epoch: Pass, count: int) -> Iterator[Any]:
    read = run.saved.batches_read
    return chain(run.batches.read(read - count, read), epoch.batches)


def _last_batch_again(run: StoppedRun, epoch: Pass) -> Iterator[Any]:
    return _again(run, epoch, 1)


def _one_skipped(run: StoppedRun, epoch: Pass) -> Iterator[Any]:
    return islice(epoch.batches, 1, None)


def _updates_skipped_only(run: StoppedRun, epoch: Pass) -> Iterator[Any]:
    return _again(run, epoch, _ignored_by_accumulation(run))


def _ignored_by_accumulation(run: StoppedRun) -> int:
    per_update = run.saved.batches_read // run.resume_point
    return _read_before(run) - _read_before(run) // per_update


def _require_accumulation(run: StoppedRun) -> None:
    if not _ignored_by_accumulation(run):
        raise NotApplicable("every update reads one micro-batch: let the trainer accumulate gradients")


def _skipped_in_every_epoch(run: StoppedRun, epoch: Pass) -> Iterator[Any]:
    return epoch.batches if epoch.number == 0 else islice(epoch.batches, _read_before(run), None)


def _first_permutation(run: StoppedRun, epoch: Pass) -> Iterator[Any]:
    return run.batches.read(_read_before(run), run.batches.epochs[1])


def _require_within_epoch(run: StoppedRun) -> None:
    if run.saved.at_epoch_end:  # nothing would be left of an epoch of which as much is skipped
        raise NotApplicable("the run is interrupted at the end of an epoch: interrupt it within one, with AtStep")


def _require_later_epoch(run: StoppedRun) -> None:
    _require_within_epoch(run)
    if too_short := _no_later_epoch(run):
        raise NotApplicable(too_short)
    last = len(run.reference.events("step_end")) - 1
    if run.epoch(run.resume_point) == run.epoch(last) is not None:
        raise NotApplicable("the run ends in the epoch in which it is interrupted: let it go on into the next one")


def _require_shuffling(run: StoppedRun) -> None:
    _require_within_epoch(run)
    run.saved.require_shuffling()


def _require_second_epoch(run: StoppedRun) -> None:
    _require_within_epoch(run)
    if not _epoch(run):
        raise NotApplicable("the run is interrupted in its first epoch: interrupt it in a later one, with AtStep")


def _no_later_epoch(run: StoppedRun) -> str | None:
    """Says so where the run ends in the epoch in which it is resumed."""
    if run.batches.epoch_length is None:
        return None
    length, per_update = run.batches.epoch_length, run.saved.batches_read // run.resume_point
    end = run.resume_point + math.ceil((length - _read_before(run)) / per_update)
    if end < len(run.reference.events("step_end")):
        return None
    whole = end + math.ceil(length / per_update)
    instead = f"Set num_steps = {whole}, for a whole one after it"
    return f"the run ends in the epoch in which it is interrupted, which lasts until step {end}. {instead}"


def _require_further_pass(run: StoppedRun) -> None:
    _require_epoch_end(run)
    run.saved.require_epochs_of_one_loader()


def _epoch_skipped(run: StoppedRun, epoch: Pass) -> Iterator[Any]:
    for _ in epoch.batches:
        pass
    with torch.random.fork_rng(devices=[]):  # whatever beginning another pass draws
        return epoch.again()


def _epoch_replayed(run: StoppedRun, epoch: Pass) -> Iterator[Any]:
    return run.batches.read(run.batches.epochs[_epoch(run)], run.saved.batches_read)


def _require_epoch_end(run: StoppedRun) -> None:
    if not run.saved.at_epoch_end:
        raise NotApplicable("the run is not interrupted at the end of an epoch: interrupt it there, with AtStep")


def _reshuffled(run: StoppedRun, epoch: Pass) -> Iterator[Any]:
    with _other_random_numbers(epoch.loader):
        batches = epoch.again()
        for _ in range(_read_before(run)):  # the permutation is drawn when the first batch is read
            next(batches)
    return batches


@contextmanager
def _other_random_numbers(loader: object) -> Iterator[None]:
    """Lets the global generator and those of a loader begin elsewhere, and puts them back."""
    own = [found for _, found in generators_of("", loader) if isinstance(found, torch.Generator)]
    states = [generator.get_state() for generator in own]
    with torch.random.fork_rng(devices=[]):
        for generator in (torch.default_generator, *own):
            generator.manual_seed(ANOTHER_SEED)
        yield
    for generator, state in zip(own, states, strict=True):
        generator.set_state(state)


def _in_first_epoch(change: Callable[[StoppedRun, Pass], Iterator[Any]]) -> Callable[[StoppedRun, Pass], Iterator[Any]]:
    return lambda run, epoch: change(run, epoch) if epoch.number == 0 else epoch.batches


DATA_RESTARTED = Fault(
    id="F15",
    name="loader restarts",
    what="the training loader begins with its first batch",
    injection=EditCheckpoint(_forget_position),
    symptoms=(Symptom("train_input", Point.FIRST_STEP),),
    causes=(Cause.DATA_RESTARTED, Cause.OTHER_SAMPLES),  # others where the resume phase shuffles by another seed
)
LAST_BATCH_AGAIN = Fault(
    id="F16a",
    name="last batch seen twice",
    what="the resume phase reads the stop phase's last batch again",
    injection=ChangeBatches(_in_first_epoch(_last_batch_again)),
    symptoms=(Symptom("train_input", Point.FIRST_STEP),),
    causes=(Cause.DATA_SHIFTED,),
)
BATCH_SKIPPED = Fault(
    id="F16b",
    name="one batch skipped",
    what="the resume phase leaves out the batch that comes next",
    injection=ChangeBatches(_in_first_epoch(_one_skipped)),
    symptoms=(Symptom("train_input", Point.FIRST_STEP),),
    causes=(Cause.DATA_SHIFTED,),
)
ACCUMULATION_IGNORED = Fault(
    id="F17",
    name="skip count ignores accumulation",
    what="the resume phase skips as many micro-batches as there were updates",
    injection=ChangeBatches(_in_first_epoch(_updates_skipped_only), _require_accumulation),
    symptoms=(Symptom("train_input", Point.FIRST_STEP),),
    causes=(Cause.DATA_SHIFTED,),
)
SKIPPED_IN_EVERY_EPOCH = Fault(
    id="F18",
    name="skip in every later epoch too",
    what="every epoch after the resumed one lacks its first batches",
    injection=ChangeBatches(_skipped_in_every_epoch, _require_later_epoch),
    symptoms=(Symptom("train_input", Point.LATER),),
    causes=(Cause.EPOCH_SHORTER,),
)
FIRST_PERMUTATION_REUSED = Fault(
    id="F19",
    name="epoch 0's permutation reused",
    what="the resumed epoch has the order of the first epoch",
    injection=ChangeBatches(_in_first_epoch(_first_permutation), _require_second_epoch),
    symptoms=(Symptom("train_input", Point.FIRST_STEP),),
    causes=(Cause.EPOCH_ORDER_REUSED,),
)
EPOCH_SKIPPED = Fault(
    id="F20",
    name="next epoch skipped",
    what="after a checkpoint at an epoch's end the next epoch is left out",
    injection=ChangeBatches(_in_first_epoch(_epoch_skipped), _require_further_pass),
    symptoms=(Symptom("train_input", Point.FIRST_STEP),),
    causes=(Cause.EPOCH_SKIPPED,),
)
EPOCH_REPLAYED = Fault(
    id="F21",
    name="epoch replayed",
    what="after a checkpoint at an epoch's end the epoch runs again",
    injection=ChangeBatches(_in_first_epoch(_epoch_replayed), _require_epoch_end),
    symptoms=(Symptom("train_input", Point.FIRST_STEP),),
    causes=(Cause.EPOCH_REPLAYED,),
)
RESHUFFLED_THEN_SKIPPED = Fault(
    id="F23",
    name="reshuffled, then skipped",
    what="the resumed epoch is shuffled anew, and what was read before is skipped in the new order",
    injection=ChangeBatches(_in_first_epoch(_reshuffled), _require_shuffling),
    symptoms=(Symptom("train_input", Point.FIRST_STEP), Symptom("sample_exposure", Point.LATER)),
    causes=(Cause.OTHER_SAMPLES,),
)
