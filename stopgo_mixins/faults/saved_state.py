"""What a checkpoint on disk holds, in the words of the metrics."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


class SavedState:
    """A checkpoint, read to be changed in place; each backend reads and writes its own format.

    What a backend's checkpoints do not hold stays empty here, and the faults that need it are not applicable.

    Attributes:
        weights: name -> tensor: parameters and persistent buffers.
        optimizers: what ``torch.optim.Optimizer.state_dict()`` returned: ``state`` and ``param_groups``.
        schedulers: what the schedulers' ``state_dict()`` returned.
        scalers: what the gradient scalers' ``state_dict()`` returned.
        loaders: what the training loaders' ``state_dict()`` returned.
        batches_read: micro-batches that one rank had read when the checkpoint was written, in all epochs.
        at_epoch_end: whether it was written after the last batch of an epoch.
    """

    weights: MutableMapping[str, Tensor]
    optimizers: list[MutableMapping[str, Any]]
    schedulers: list[MutableMapping[str, Any]]
    scalers: list[MutableMapping[str, Any]]
    loaders: list[Any]
    batches_read: int
    at_epoch_end: bool

    def move_global_step(self, steps: int) -> None:
        """Adds to the trainer's own count of steps."""
        raise NotImplementedError

    def move_consumed_samples(self, micro_batches: int) -> None:
        """Adds to the trainer's own count of what it has read, leaving the data where they are.

        Give a multiple of the validation interval where the trainer times validations by this count.
        """
        raise NotImplementedError

    def restart_logged_steps(self) -> None:
        """Lets the trainer count the steps under which it logs from 0, where it has a count of its own for them.

        Raises:
            NotApplicable: where it logs under its count of updates.
        """
        raise NotImplementedError

    def require_shuffling(self) -> None:
        """Demands that the order of an epoch may come from a random number generator.

        Raises:
            NotApplicable: where the backend orders the samples without one.
        """

    def require_epochs_of_one_loader(self) -> None:
        """Demands that another pass over the loader of an epoch is the next epoch.

        Raises:
            NotApplicable: where a loader serves for one epoch.
        """

    def require_timed_validations(self) -> None:
        """Demands that the trainer decides when it validates.

        Raises:
            NotApplicable: where nobody can make it validate at another time.
        """

    def require_parts_before_loading(self) -> None:
        """Demands that all parts of the run are built when a phase begins, and none of them loaded.

        Raises:
            NotApplicable: where they are built and loaded in one go.
        """

    def write(self) -> None:
        """Puts the changed checkpoint in the place of the one that was read."""
        raise NotImplementedError
