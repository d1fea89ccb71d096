"""What usually helps against each cause, in one line; the documentation has a section for each."""

from __future__ import annotations

from collections.abc import Mapping

from stopgo_mixins.comparison.diagnosis.cause import Cause

REMEDIES: Mapping[Cause, str] = {
    Cause.COLD_START: "pass the checkpoint to the trainer, and make a resume that finds none an error",
    Cause.STEPS_MISSING: "count limits of steps and epochs from the beginning of the whole run",
    Cause.SAVING_CHANGED_THE_RUN: "let nothing that runs while saving draw random numbers or change the model",
    Cause.NOT_DETERMINISTIC: "make training deterministic, or set a tolerance above the noise floor",
    Cause.OTHER_SETUP: "build the same model, data and trainer for every mode",
    Cause.DATA_RESTARTED: "read from a loader that saves its position, such as torchdata's StatefulDataLoader",
    Cause.DATA_SHIFTED: "count a batch when it has been trained on, not when it is fetched",
    Cause.DATA_RESHUFFLED: "restore the permutation of the epoch, or the generator that draws it",
    Cause.OTHER_SAMPLES: "restore the permutation of the epoch before batches are skipped in it",
    Cause.EPOCH_REPLAYED: "save at an epoch's end only after the epoch has been counted (on_train_epoch_end)",
    Cause.EPOCH_SKIPPED: "count an epoch in one place only",
    Cause.EPOCH_SHORTER: "skip batches in the resumed epoch only, not in the ones after it",
    Cause.EPOCH_ORDER_REUSED: "tell the sampler the number of the epoch (set_epoch) before the first resumed batch",
    Cause.EPOCH_NOT_ENDED: "read from a loader that saves its position, such as torchdata's StatefulDataLoader",
    Cause.EPOCH_END_REPEATED: "let hooks of an epoch's end set values instead of adding to them",
    Cause.EPOCH_MEAN_LOST: "report what a step or a validation yields, or leave the value out by name (left_out)",
    Cause.VALIDATION_REPEATED: "write the checkpoint once the validation has ended",
    Cause.VALIDATION_MISSING: "write the checkpoint once the validation that is due has run",
    Cause.VALIDATION_SHIFTED: "validate by the number of updates of the whole run",
    Cause.VALIDATION_CUT_SHORT: "begin every validation with a new iterator",
    Cause.RNG_NOT_RESTORED: "add RngStateCallback to the trainer's callbacks, or save every generator yourself",
    Cause.RNG_DRAWN: "restore the generators last, and let what runs once per process draw from one of its own",
    Cause.SCHEDULE_RESTARTED: "save the scheduler's state_dict and load it after that of the optimizer",
    Cause.SCHEDULE_SHIFTED: "save after both the optimizer and the scheduler have stepped",
    Cause.SCHEDULE_STEP_MISSED: "step the schedule before saving, and by restored counters after a resume",
    Cause.HYPER_PARAMETER: "load the optimizer's whole state_dict, and overwrite no parameter group afterwards",
    Cause.COUNTER_LOST: "save the counter with the checkpoint (state_dict, on_save_checkpoint)",
    Cause.COUNTER_SHIFTED: "save the counter at the end of the step, and count updates",
    Cause.UNSAVED_STATE: "save it (register_buffer, get_extra_state, state_dict), or say why nobody need (unsaved)",
    Cause.SHARED_SEED: "save what was drawn, or draw it from a seed of its own (or say that it is meant: resume_seed)",
    Cause.STATE_MISSING: "save the whole state, not only weights, and load it strictly",
    Cause.STRUCTURE_CHANGED: "build the same model, optimizer and precision before the checkpoint is loaded",
    Cause.INITIAL_VALUE: "save the value (a persistent buffer, on_save_checkpoint), and load strictly",
    Cause.STATE_OF_ANOTHER_STEP: "load the checkpoint that was written last, and wait until a save is complete",
    Cause.ZEROS: "fill what was allocated from the checkpoint, or load strictly",
    Cause.ROUNDED: "save the 32-bit weights, not a copy in lower precision",
    Cause.COPY_OF_ANOTHER: "save live and averaged weights under names of their own",
    Cause.COPY_OF_RANK_0: "let every rank save and load its own part",
    Cause.REPLICAS_DIFFER: "load on every rank, or broadcast what rank 0 has loaded",
    Cause.SHARDS_MISPLACED: "put shards together by their offsets in the whole, not by the order of files or ranks",
    Cause.GRADIENTS_LOST: "save between two updates, never within an accumulation window",
    Cause.NUMBER_OF_BATCHES: "let the number of batches of an epoch be a multiple of the accumulation window",
    Cause.OTHER_COMPUTATION: "restore what the step reads or decides by at the line that is named",
    Cause.OTHER_KERNEL: "choose kernels, precision and threads in code that every process runs before it trains",
}
"""Cause -> what to do."""
