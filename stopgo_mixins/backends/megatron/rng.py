"""The remedy for random numbers: NeMo's checkpoints hold no state of any generator."""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from stopgo_mixins.backends.fit_loop.rng import RngStateCallback


class MegatronRngStateCallback(RngStateCallback):
    """Saves every rank's generators with every checkpoint, and restores them before the first resumed step.

    Beside those of :class:`~stopgo_mixins.RngStateCallback`, Megatron's RNG tracker is covered: with tensor
    parallelism each rank draws dropout masks of its own.
    """

    @override
    def captured(self) -> dict[str, Any]:
        return {**super().captured(), "megatron": _tracker().get_states()}

    @override
    def _restore(self) -> None:
        super()._restore()
        if self._restored is not None and self._restored["megatron"]:
            states = {name: state.cpu() for name, state in self._restored["megatron"].items()}
            _tracker().set_states(states)


def _tracker() -> Any:
    from megatron.core.tensor_parallel.random import get_cuda_rng_tracker

    return get_cuda_rng_tracker()
