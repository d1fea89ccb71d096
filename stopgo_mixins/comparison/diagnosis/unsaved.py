"""The pattern of state that nobody saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stopgo_mixins.comparison.diagnosis.cause import Cause, Diagnosis
from stopgo_mixins.comparison.reach import root_of
from stopgo_mixins.comparison.states import number
from stopgo_mixins.comparison.wording import form

if TYPE_CHECKING:
    from stopgo_mixins.comparison.compare import Mismatch
    from stopgo_mixins.comparison.diagnosis.divergence import Divergence
    from stopgo_mixins.trace.record import Record


def unsaved_state(divergence: Divergence) -> Diagnosis | None:
    """What training changes is not restored, wherever it is kept."""
    if not divergence.is_restored:
        return None
    first = next((found for found in divergence.here if found.expected is not None), divergence.first)
    more = f" and {len(divergence.here) - 1} more" if len(divergence.here) > 1 else ""
    actual, expected = (_value(first, record) for record in (first.actual, first.expected))
    fresh = ", as at state 0," if _is_fresh(divergence, first) else ""
    module = divergence.comparison.first_module
    where = f" ({module} is the first module whose output differs)" if module else ""
    sentence = (
        f"training changes {first.key.path}{more}{where}, and the checkpoint did not bring it back: it is "
        f"{actual}{fresh} instead of {expected}; {_remedy(first)}"
    )
    return Diagnosis(Cause.UNSAVED_STATE, sentence, apart_from=_OF_VALIDATIONS if _began_anew(divergence) else ())


def _began_anew(divergence: Divergence) -> bool:
    """Whether anything is as at state 0 that has more than two values, and so is not so by chance."""
    switches = ("bool", "None")
    return any(
        _is_fresh(divergence, found) and found.expected is not None and found.expected.leaf.kind not in switches
        for found in divergence.here
    )


def _is_fresh(divergence: Divergence, mismatch: Mismatch) -> bool:
    start = divergence.start.get(mismatch.key.path)
    found, began = mismatch.actual and mismatch.actual.leaf, start and start.leaf
    return found == began


def _value(mismatch: Mismatch, record: Record | None) -> str:
    if record is None:
        return "0" if mismatch.key.path.endswith(".len()") else "not there"  # that of an empty one is not recorded
    value = number(record)
    if value is not None and record.leaf.dtype:
        return f"{value:g}"
    return form(record) if record.leaf.dtype else repr(record.leaf.scalar)


def _remedy(mismatch: Mismatch) -> str:
    root = root_of(mismatch.key.path)
    is_tensor = mismatch.expected is not None and mismatch.expected.leaf.kind == "tensor"
    if root == "model" and is_tensor:
        return "register it with register_buffer, or save it with the checkpoint"
    return _REMEDIES.get(root, f"let state_dict of {root} return it and load_state_dict take it back")


_OF_VALIDATIONS = ("validation_schedule", "valid_input", "valid_output", "valid_loss", "logged_metrics")
"""What may happen in a validation that a resume runs again; nothing of it makes anything as it was at state 0."""

_OF_DATA = "let state_dict of its owner return it, load_state_dict take it back, and the checkpoint hold both"

_REMEDIES = {
    "model": "return it from get_extra_state and take it back in set_extra_state, or save it with the checkpoint",
    "optimizers": "keep it in the state of the optimizer, which state_dict returns",
    "schedulers": "keep it as an attribute of the schedule, or of an object in the place of the function",
    "train_dataloader": _OF_DATA,
    "val_dataloader": _OF_DATA,
    "eval_dataset": _OF_DATA,
    "loader": _OF_DATA,
    "validation_loader": _OF_DATA,
    "trainer": "keep it in a callback that is an ExportableState, with restore_callback_states_from_checkpoint=True",
    "test_class": "save it with the checkpoint, or let setup_model make it anew",
    "loggers": "nobody saves what a logger counts: let a callback return it from state_dict",
    "datamodule": "let state_dict of the data module return it, and load_state_dict take it back",
}
"""Root of the path -> what to do."""
