"""What Lightning would hand to its loggers, of which there may be none, and then only every few steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from lightning.pytorch import Trainer
    from torch import Tensor

Values = Mapping[str, "Tensor"]


class LoggedValues:
    """The results that ``self.log`` fills.

    Lightning keeps the last value of each name until the epoch ends and logs it again with every step; only what was
    logged since the last step counts here.

    Args:
        trainer: whose fit loop is to be read.
    """

    def __init__(self, trainer: Trainer) -> None:
        self._loop = trainer.fit_loop.epoch_loop
        self._fresh: set[str] = set()

    @property
    def training_results(self) -> Any:
        """Where ``self.log`` puts what is logged in training; its ``log`` is to be replaced by :meth:`note`."""
        return self._loop._results

    def note(self, log: Callable[..., None], fx: str, name: str, *args: Any, **kwargs: Any) -> None:
        """Logs, and remembers the name until the step ends."""
        self._fresh.add(name)
        log(fx, name, *args, **kwargs)

    @property
    def step(self) -> int:
        """The step under which Lightning logs now."""
        return self._loop._batches_that_stepped

    def of_step(self) -> Values:
        """What was logged since the last step; ``name_step`` where its mean over the epoch is logged as well."""
        fresh, self._fresh = self._fresh, set()
        values = self._loop._results.metrics(on_step=True)["log"]
        return {name: value for name, value in values.items() if fresh & {name, name.removesuffix("_step")}}

    def of_epoch(self) -> Values:
        """What was reduced over the training epoch."""
        return self._loop._results.metrics(on_step=False)["log"]

    def of_validation(self, kind: Literal["log", "callback"] = "log") -> Values:
        """What was reduced over the validation, of all its loaders.

        Args:
            kind: ``"log"``: what goes to the loggers; ``"callback"``: what callbacks see.
        """
        results = self._loop.val_loop._results
        loader = results.dataloader_idx
        values: dict[str, Tensor] = {}
        for results.dataloader_idx in (None, *range(self._loop.val_loop.num_dataloaders)):
            values |= results.metrics(on_step=False)[kind]
        results.dataloader_idx = loader
        return values
