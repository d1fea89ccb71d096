"""What Lightning would hand to its loggers, of which there may be none, and then only every few steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from lightning.pytorch import Trainer
    from torch import Tensor

Values = Mapping[str, "Tensor"]
Logged = tuple[int, Values]
"""Values by name, and the step under which Lightning logs them."""


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

    def of_step(self) -> Logged:
        """What was logged since the last step; ``name_step`` where its mean over the epoch is logged as well."""
        fresh, self._fresh = self._fresh, set()
        values = self._loop._results.metrics(on_step=True)["log"]
        return self._under_step({name: value for name, value in values.items() if fresh & {name, _plain(name)}})

    def of_epoch(self) -> Logged:
        """What was reduced over the training epoch, logged under the step of its last batch."""
        step, values = self._under_step(self._loop._results.metrics(on_step=False)["log"])
        return step if "step" in values else step - 1, values

    def of_validation(self) -> Logged:
        """What was reduced over the validation."""
        return self._under_step(self.validation_values("log"))

    def validation_values(self, kind: Literal["log", "callback"]) -> Values:
        """What was reduced over the validation, of all its loaders, for loggers or for callbacks."""
        results = self._loop.val_loop._results
        loader = results.dataloader_idx
        values: dict[str, Tensor] = {}
        for results.dataloader_idx in (None, *range(self._loop.val_loop.num_dataloaders)):
            values |= results.metrics(on_step=False)[kind]
        results.dataloader_idx = loader
        return values

    def _under_step(self, values: Values) -> Logged:
        """The step is what was logged as ``step``, else Lightning's own count."""
        return int(values["step"]) if "step" in values else self._loop._batches_that_stepped, values


def _plain(name: str) -> str:
    return name.removesuffix("_step")
