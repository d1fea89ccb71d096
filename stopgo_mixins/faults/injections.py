"""The ways in which a fault comes about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from stopgo_mixins.faults.fault import Injection
from stopgo_mixins.faults.loaders import reading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stopgo_mixins.faults.disturbance import Disturbance
    from stopgo_mixins.faults.loaders import Change, Pass
    from stopgo_mixins.faults.saved_state import SavedState
    from stopgo_mixins.faults.stopped_run import StoppedRun


class EditCheckpoint(Injection):
    """The checkpoint on disk is changed between stop and resume.

    Args:
        edit: changes what was read.
    """

    def __init__(self, edit: Callable[[SavedState, StoppedRun], None]) -> None:
        self._edit = edit

    def prepare(self, run: StoppedRun) -> None:
        """Reads the checkpoint, changes it and writes it back."""
        self._edit(run.saved, run)
        run.saved.write()


class Disturb(Injection):
    """The running trainer's state is changed as the first resumed step begins.

    Args:
        disturbance: does it; made anew for each phase.
        require: raises ``NotApplicable`` where there is nothing to disturb.
    """

    def __init__(self, disturbance: Callable[[], Disturbance], require: Callable[[StoppedRun], None]) -> None:
        self._disturbance, self._require = disturbance, require

    def prepare(self, run: StoppedRun) -> None:
        """Looks whether there is anything to disturb."""
        self._require(run)

    def listeners(self) -> Sequence[object]:
        """The disturbance."""
        return (self._disturbance(),)


class ChangeBatches(Injection):
    """The resume phase reads other training batches than its loader offers.

    Args:
        change: makes the batches of one epoch.
        require: raises ``NotApplicable`` where nothing would change.
    """

    def __init__(
        self,
        change: Callable[[StoppedRun, Pass], Iterator[Any]],
        require: Callable[[StoppedRun], None] = lambda run: None,
    ) -> None:
        self._change, self._require = change, require

    def prepare(self, run: StoppedRun) -> None:
        """Looks whether anything would change."""
        self._require(run)

    def training_loader(self, loader: Any, run: StoppedRun) -> Any:
        """The loader, read in another way."""
        return reading(loader, lambda epoch: self._change(run, epoch))


class ChangeValidationBatches(Injection):
    """The resume phase validates on other batches than its loader offers.

    Args:
        change: makes the batches of one validation.
        require: raises ``NotApplicable`` where there is no validation.
    """

    def __init__(self, change: Change, require: Callable[[StoppedRun], None]) -> None:
        self._change, self._require = change, require

    def prepare(self, run: StoppedRun) -> None:
        """Looks whether there is a validation."""
        self._require(run)

    def validation_loader(self, loader: Any, run: StoppedRun) -> Any:
        """The loader, read in another way."""
        return reading(loader, self._change)


class MoveValidations(Injection):
    """The resume phase validates after other micro-batches.

    Args:
        by: how many micro-batches later.
    """

    def __init__(self, by: Callable[[StoppedRun], int]) -> None:
        self._by = by

    def prepare(self, run: StoppedRun) -> None:
        """Looks whether validations can be moved."""
        self._by(run)

    def validations_moved(self, run: StoppedRun) -> int:
        """By how many micro-batches."""
        return self._by(run)


class LoadInstead(Injection):
    """The resume phase loads another checkpoint, or none.

    Args:
        choose: the path.
    """

    def __init__(self, choose: Callable[[StoppedRun], str | None]) -> None:
        self._choose = choose

    def prepare(self, run: StoppedRun) -> None:
        """Looks whether there is another one."""
        self._choose(run)

    def checkpoint(self, run: StoppedRun) -> str | None:
        """The other one."""
        return self._choose(run)


class DamageFile(Injection):
    """The checkpoint on disk is damaged without being read.

    Args:
        damage: does it, given the path.
    """

    def __init__(self, damage: Callable[[str], None]) -> None:
        self._damage = damage

    def prepare(self, run: StoppedRun) -> None:
        """Damages it."""
        self._damage(run.checkpoint)
