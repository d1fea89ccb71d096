"""Where the run is interrupted, and by what.

The bridge asks wherever a trainer can write a checkpoint. It saves there, unless the trainer's own checkpoint callback
has just done so, and the run ends there, or some updates later.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass, fields
from typing import ClassVar, Literal, get_args

Means = Literal["exception", "should_stop"] | signal.Signals
"""By what a run is ended; a signal meets whatever the trainer does about it, and SIGKILL nothing at all."""


@dataclass(frozen=True)
class Progress:
    """How far the whole run has come, over all its legs.

    Attributes:
        updates: optimizer updates made.
        micro_batches: of the next update's accumulation window that have been read; 0 between two updates.
        validations: that have ended.
        validation_batches: of the running validation that have been read; 0 outside of one.
        epochs: that have ended.
    """

    updates: int
    micro_batches: int = 0
    validations: int = 0
    validation_batches: int = 0
    epochs: int = 0


@dataclass(frozen=True, kw_only=True)
class Interruption:
    """Where and how the run is interrupted; a subclass says where.

    Args:
        by: ``"exception"`` raises ``StopAndGoException``. ``"should_stop"`` asks the trainer, in whatever way it is
            asked, to end by itself; what it does only because of that, such as a last validation, is left out of the
            comparison. A signal is sent to the process, and what the trainer does about it is up to the trainer.
        past: updates that are made after the checkpoint and are lost work: the resumed run makes them again.

    Attributes:
        inside_validation: whether it is asked while a validation runs, and at no other time.
        only_of: the mixin whose trainer can carry it out, where not each can; ``None`` for all.

    Raises:
        ValueError: for anything else.
    """

    by: Means = "exception"
    past: int = 0

    inside_validation: ClassVar[bool] = False
    only_of: ClassVar[str | None] = None

    def __post_init__(self) -> None:
        name, words = type(self).__name__, get_args(get_args(Means)[0])
        if self.by not in words and not isinstance(self.by, signal.Signals):
            raise ValueError(f"{name}(by={self.by!r}): by is {', '.join(map(repr, words))}, or a signal.Signals.")
        if not _is_count(self.past, least=0):
            raise ValueError(f"{name}(past={self.past!r}): past is an integer of at least 0.")

    def __str__(self) -> str:
        """As somebody would write it: of what every interruption has, only what is unusual."""
        usual = {field.name: field.default for field in fields(Interruption)}
        own = [field.name for field in fields(self) if field.name not in usual]
        said = [*own, *(name for name, default in usual.items() if getattr(self, name) != default)]
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in said)})"

    def is_due(self, progress: Progress) -> bool:
        """Whether the checkpoint is to be written now."""
        raise NotImplementedError

    def is_passed(self, progress: Progress) -> bool:
        """Whether a run, interrupted or not, has come to the place; asked wherever a checkpoint can be written."""
        return self.is_due(progress)


@dataclass(frozen=True)
class AfterValidation(Interruption):
    """After a validation, as soon as its checkpoint is written.

    Args:
        number: after which validation of the run, counted from 1.
    """

    number: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_positive(self, "number")

    def is_due(self, progress: Progress) -> bool:
        """Whether the validation has ended."""
        return progress.validations >= self.number


@dataclass(frozen=True)
class AtStep(Interruption):
    """After an optimizer update, at the latest moment before the next batch: behind a validation or an epoch's end.

    Args:
        step: after how many updates, from 1 to ``num_steps - 1``.
    """

    step: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_positive(self, "step")

    def is_due(self, progress: Progress) -> bool:
        """Whether the update was made."""
        return progress.updates >= self.step


@dataclass(frozen=True)
class AtEpochEnd(Interruption):
    """Exactly at the end of an epoch, behind the validation that may end it.

    Args:
        number: at the end of which epoch of the run, counted from 1.
    """

    number: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_positive(self, "number")

    def is_due(self, progress: Progress) -> bool:
        """Whether the epoch has ended."""
        return progress.epochs >= self.number


@dataclass(frozen=True)
class AmidAccumulation(Interruption):
    """Within the accumulation window of an update, whose gradients are complete only in part.

    Args:
        step: of which update, from 1.
        micro_batches: how many of its micro-batches are read before.
    """

    step: int = 1
    micro_batches: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_positive(self, "step")
        _require_positive(self, "micro_batches")

    def is_due(self, progress: Progress) -> bool:
        """Whether that part of the window was read."""
        return progress.updates == self.step - 1 and progress.micro_batches >= self.micro_batches


@dataclass(frozen=True)
class InsideValidation(Interruption):
    """While a validation runs: the checkpoint is written between two of its batches, as a signal may have it.

    Args:
        number: in which validation of the run, counted from 1.
        batches: how many of its batches are read before.
    """

    number: int = 1
    batches: int = 1

    inside_validation: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_positive(self, "number")
        _require_positive(self, "batches")

    def is_due(self, progress: Progress) -> bool:
        """Whether the validation is so far."""
        return progress.validations + 1 >= self.number and progress.validation_batches >= self.batches


def _require_positive(interruption: Interruption, field: str) -> None:
    value = getattr(interruption, field)
    if not _is_count(value, least=1):
        name = type(interruption).__name__
        raise ValueError(f"{name}({field}={value!r}): {field} is an integer of at least 1.")


def _is_count(value: object, *, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least
