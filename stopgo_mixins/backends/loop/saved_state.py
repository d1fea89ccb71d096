"""Where faults reach into the checkpoint of a loop of one's own."""

from __future__ import annotations

from pathlib import Path

from typing_extensions import override

from stopgo_mixins.backends.loop.checkpoints import load_beside
from stopgo_mixins.faults.fault import NotApplicable
from stopgo_mixins.faults.saved_files import SavedFiles


class LoopSavedState(SavedFiles):
    """A checkpoint of a loop, in whose format its counters cannot be told from other numbers.

    Args:
        path: of the file or directory.
    """

    def __init__(self, path: str) -> None:
        own = load_beside(Path(path))
        super().__init__(path, own["batches"], own["at_epoch_end"])

    @override
    def move_global_step(self, steps: int) -> None:
        raise NotApplicable("the step that a loop of one's own has saved cannot be told from other numbers")

    @override
    def move_consumed_samples(self, micro_batches: int) -> None:
        raise NotApplicable("a loop of one's own has no count of samples that could be read")

    @override
    def restart_logged_steps(self) -> None:
        raise NotApplicable("the step under which a loop of one's own logs cannot be told from other numbers")

    @override
    def require_shuffling(self) -> None:
        raise NotApplicable("a loop of one's own orders its samples as it likes")

    @override
    def require_epochs_of_one_loader(self) -> None:
        raise NotApplicable("a loop of one's own may have another loader for each epoch")

    @override
    def require_parts_before_loading(self) -> None:
        raise NotApplicable("a loop of one's own builds and loads its parts in one go, unseen between")

    @override
    def require_timed_validations(self) -> None:
        raise NotApplicable("a loop of one's own validates when it likes")
