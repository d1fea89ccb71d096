"""Where and how the stop phase ends.

The bridge asks at the only moments at which a trainer can write a checkpoint from which a correct run continues
exactly; it saves there, unless the trainer's own checkpoint callback has just done so, and ends the run.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Interruption:
    """Where the stop phase is interrupted; a subclass says when it is due.

    Args:
        should_stop: let the bridge ask the trainer, in whatever way it is asked, to end the run by itself, instead of
            raising ``StopAndGoException``. What the trainer does only because it was asked, such as a last validation,
            is left out of the comparison.
    """

    should_stop: bool = False

    def is_due(self, update: int, validations: int) -> bool:
        """Whether to end the run now.

        Args:
            update: how many optimizer updates were made.
            validations: how many validations have ended.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class AfterValidation(Interruption):
    """After a validation, as soon as its checkpoint is written.

    Args:
        number: after which validation, counted from 1.
    """

    number: int = 1

    def __post_init__(self) -> None:
        _require_positive("AfterValidation", "number", self.number)

    def is_due(self, update: int, validations: int) -> bool:
        """Whether the validation has ended."""
        return validations >= self.number


@dataclass(frozen=True)
class AtStep(Interruption):
    """After an optimizer update, at the latest moment before the next batch: behind a validation or an epoch's end.

    Args:
        step: after how many updates, from 1 to ``num_steps - 1``.
    """

    step: int = 1

    def __post_init__(self) -> None:
        _require_positive("AtStep", "step", self.step)

    def is_due(self, update: int, validations: int) -> bool:
        """Whether the update was made."""
        return update >= self.step


def _require_positive(name: str, field: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name}({field}={value!r}): {field} is an integer of at least 1.")
