"""What all ranks have together, which depends neither on how many they are nor on how they share the model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from stopgo_mixins.events import TrainingState
    from stopgo_mixins.trace.leaves import Bytes
    from stopgo_mixins.trace.record import Leaf


class Whole:
    """How the whole of a metric is made of what each rank has of it.

    Attributes:
        in_every_world: whether it is compared as a whole wherever several ranks train, and never rank by rank.
        of_rank_0: whether rank 0 has the whole; the others are then not asked.
        is_rounded: whether sums over samples or ranks go into it, whose last bits depend on the order of summation.
            After a resume in another world, it is compared bit by bit in the restored state alone.
    """

    in_every_world: ClassVar[bool] = False
    of_rank_0: ClassVar[bool] = False

    def __init__(self, *, is_rounded: bool) -> None:
        self.is_rounded = is_rounded

    def share(self, value: object, leaves: Iterable[tuple[str, Leaf, Bytes]], state: TrainingState) -> object:
        """What this rank contributes, the value itself unless a subclass says otherwise; can be pickled.

        Args:
            value: as it is recorded on this rank; a tensor that is spread over the ranks may be gathered here.
            leaves: those of the value, found when they are asked for.
            state: of the run.
        """
        return value

    def of_shares(self, shares: Sequence[Any]) -> object:
        """The whole: of what each rank has contributed, by rank; in a window or a validation by batch, too."""
        raise NotImplementedError
