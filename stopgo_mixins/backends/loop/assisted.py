"""A loop in which an assistant, such as Fabric or an Accelerator, goes backward, clips, saves, loads and logs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from torch import nn
from torch.optim import Optimizer
from typing_extensions import override

from stopgo_mixins.backends.loop.run import LoopRun
from stopgo_mixins.bridge.wrapping import wrapped


class AssistedRun(LoopRun):
    """Hears from the assistant what a loop of its own would say; a subclass knows the assistant's methods."""

    def listen_to(self, assistant: Any) -> None:
        """Listens to the methods of the assistant; to be called as soon as there is one.

        Afterwards the loop need not call :meth:`loss`, :meth:`gradients`, :meth:`saved`, :meth:`loaded` and
        :meth:`log` where it calls those.
        """
        for method, stand_in in self._stand_ins().items():
            self._attached.enter_context(wrapped(assistant, method, stand_in))

    def _stand_ins(self) -> Mapping[str, Callable[..., Any]]:
        """What is called in the place of each method, with the method itself before its arguments."""
        raise NotImplementedError

    def _unwrapped(self, part: Any) -> Any:
        """A model, optimizer or scheduler without what the assistant has put around it."""
        raise NotImplementedError

    @override
    def watch(
        self, model: nn.Module, *optimizers: Optimizer, schedulers: Iterable[Any] = (), scalers: Iterable[Any] = ()
    ) -> None:
        """Says what is trained, as the assistant has prepared it or not; see :meth:`LoopRun.watch`."""
        super().watch(
            self._unwrapped(model),
            *map(self._unwrapped, optimizers),
            schedulers=map(self._unwrapped, schedulers),
            scalers=scalers,
        )

    def _backward(self, backward: Callable[..., Any], loss: Any, *args: Any, **kwargs: Any) -> Any:
        if self._is_in_batch:  # else it is the second loss of a batch
            self.loss(loss)
        return backward(loss, *args, **kwargs)

    def _clip(self, clip: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self.gradients()
        return clip(*args, **kwargs)

    def _log(
        self, log: Callable[..., Any], values: Mapping[str, Any], step: int | None = None, *args: Any, **kwargs: Any
    ) -> Any:
        self.log(self._run.updates if step is None else step, values)
        return log(values, step, *args, **kwargs)
