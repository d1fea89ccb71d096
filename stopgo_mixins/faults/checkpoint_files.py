"""Faults of single files of a checkpoint directory, and of a link to the newest checkpoint."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stopgo_mixins.comparison.diagnosis.cause import Cause
from stopgo_mixins.faults.checkpoint import older_checkpoint
from stopgo_mixins.faults.fault import Fault, NotApplicable, Point, Symptom
from stopgo_mixins.faults.injections import DamageFile, LoadInstead

if TYPE_CHECKING:
    from stopgo_mixins.faults.stopped_run import StoppedRun

_LENGTH = struct.Struct("<Q")
"""How a safetensors file begins: the length of the JSON header that follows, behind which the tensors lie."""

WEIGHTS, OPTIMIZER, SCHEDULER = "*.safetensors", "optimizer.pt", "scheduler.pt"
RNG, TRAINER_STATE = "rng_state*.pth", "trainer_state.json"


def _file(path: str, pattern: str) -> Path:
    """The file of a checkpoint directory that a pattern stands for; of several ranks or shards, the last."""
    found = sorted(Path(path).glob(pattern)) if Path(path).is_dir() else []
    if not found:
        raise NotApplicable(f"the checkpoint is not a directory with a file {pattern}")
    return found[-1]


def _missing(pattern: str) -> DamageFile:
    return DamageFile(lambda path: _file(path, pattern).unlink())


def _cut(pattern: str) -> DamageFile:
    return DamageFile(lambda path: _halve(_file(path, pattern)))


def _halve(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def _zero_body(path: str) -> None:
    file = _file(path, WEIGHTS)
    begin = _begin_of_tensors(file)
    size = file.stat().st_size
    os.truncate(file, begin)
    os.truncate(file, size)  # which fills it with zeros


def _begin_of_tensors(file: Path) -> int:
    with file.open("rb") as stream:
        (length,) = _LENGTH.unpack(stream.read(_LENGTH.size))
    return int(_LENGTH.size + length)


def _leave_out_one(path: str) -> None:
    """Rewrites the file without the tensor that comes last, as a writer that stopped early would have."""
    file = _file(path, WEIGHTS)
    begin = _begin_of_tensors(file)
    content = file.read_bytes()
    header: dict[str, Any] = json.loads(content[_LENGTH.size : begin])
    tensors = {name: entry for name, entry in header.items() if name != "__metadata__"}
    last = max(tensors, key=lambda name: tensors[name]["data_offsets"])
    body = content[begin : begin + tensors[last]["data_offsets"][0]]
    shorter = json.dumps({name: entry for name, entry in header.items() if name != last}).encode()
    file.write_bytes(_LENGTH.pack(len(shorter)) + shorter + body)


def _stale_link(run: StoppedRun) -> str:
    """A link that was not renewed when the newest checkpoint was written."""
    older = Path(older_checkpoint(run))
    link = Path(run.checkpoint).parent / f"last{older.suffix}"
    if link.is_symlink() or not link.exists():
        link.unlink(missing_ok=True)
        link.symlink_to(older.absolute())
        return str(link)
    raise NotApplicable(f"{link} is not a link")


def _of_a_file(id: str, name: str, what: str, injection: DamageFile, *seen: Any, **more: Any) -> Fault:
    """``seen``: the metric that differs in the restored state, and the causes of which one is named."""
    symptoms = tuple(Symptom(metric, Point.RESTORED) for metric in seen[:1])
    return Fault(id=id, name=name, what=what, injection=injection, symptoms=symptoms, causes=seen[1:], **more)


_ends: Callable[..., Fault] = partial(_of_a_file, ends_the_phase=True)

OPTIMIZER_FILE_MISSING = _of_a_file(
    "F68",
    "optimizer file missing",
    "the checkpoint directory lacks the file of the optimizer, without which the trainer goes on",
    _missing(OPTIMIZER),
    "optimizer_state",
    Cause.STATE_MISSING,
)
SCHEDULER_FILE_MISSING = _of_a_file(
    "F76",
    "scheduler file missing",
    "the checkpoint directory lacks the file of the learning rate's schedule, without which the trainer goes on",
    _missing(SCHEDULER),
    "scheduler_state",
    Cause.SCHEDULE_RESTARTED,
    Cause.SCHEDULE_SHIFTED,
)
RNG_FILE_MISSING = _of_a_file(
    "F77",
    "a rank's RNG file missing",
    "the checkpoint directory lacks the file of the random numbers, of several ranks that of the last",
    _missing(RNG),
    "rng_state",
    Cause.RNG_NOT_RESTORED,
)
WEIGHTS_FILE_ZERO = _of_a_file(
    "F78",
    "weights file all zeros",
    "the safetensors file has its header and its length, but nothing was written behind the header",
    DamageFile(_zero_body),
    "parameters",
    Cause.ZEROS,
)
WEIGHTS_FILE_LACKS_A_TENSOR = _of_a_file(
    "F79",
    "weights file lacks a tensor",
    "one tensor is not in the safetensors file, and keeps its initial value where the trainer does not mind",
    DamageFile(_leave_out_one),
    "parameters",
    Cause.INITIAL_VALUE,
)
WEIGHTS_FILE_CUT = _ends("F80", "truncated weights file", "the second half of the weights is missing", _cut(WEIGHTS))
OPTIMIZER_FILE_CUT = _ends(
    "F81", "truncated optimizer file", "the second half of the optimizer's file is missing", _cut(OPTIMIZER)
)
RNG_FILE_CUT = _ends("F82", "truncated RNG file", "the second half of the random numbers' file is missing", _cut(RNG))
TRAINER_STATE_MISSING = _ends(
    "F83",
    "trainer state missing",
    "the checkpoint directory lacks the file of the trainer's counters",
    _missing(TRAINER_STATE),
)
TRAINER_STATE_CUT = _ends(
    "F84", "truncated trainer state", "the second half of the trainer's counters is missing", _cut(TRAINER_STATE)
)
LAST_LINK_STALE = Fault(
    id="F85",
    name="a stale link to the last checkpoint",
    what="the link `last` still leads to the checkpoint before the newest one, and the resume phase follows it",
    injection=LoadInstead(_stale_link),
    symptoms=(Symptom("resume_point"),),
)
