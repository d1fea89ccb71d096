"""The remedy for random numbers: NeMo's checkpoints hold no state of any generator."""

from __future__ import annotations

from typing import Any

import torch
from typing_extensions import override

from stopgo_mixins.backends.fit_loop.rng import RngStateCallback, capture_rng_state


class MegatronRngStateCallback(RngStateCallback):
    """Saves every rank's generators with every checkpoint, and restores them before the first resumed step.

    Beside those of :class:`~stopgo_mixins.RngStateCallback`, Megatron's RNG tracker is covered: with tensor
    parallelism each rank draws dropout masks of its own.
    All ranks' states are gathered, because only rank 0 writes what is no shard of a tensor.
    """

    @override
    def state_dict(self) -> dict[str, Any]:
        own = {**capture_rng_state(), "megatron": _tracker().get_states()}
        ranks: list[Any] = [None] * torch.distributed.get_world_size()
        torch.distributed.all_gather_object(ranks, own)
        return {"ranks": ranks}

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        ranks = state_dict["ranks"]
        if len(ranks) != torch.distributed.get_world_size():
            raise RuntimeError(
                f"the checkpoint holds the generators of {len(ranks)} ranks, this run has "
                f"{torch.distributed.get_world_size()}: random numbers cannot continue with another number of ranks."
            )
        super().load_state_dict(ranks[torch.distributed.get_rank()])

    @override
    def _restore(self) -> None:
        super()._restore()
        if self._restored is not None and self._restored["megatron"]:
            states = {name: state.cpu() for name, state in self._restored["megatron"].items()}
            _tracker().set_states(states)


def _tracker() -> Any:
    from megatron.core.tensor_parallel.random import get_cuda_rng_tracker

    return get_cuda_rng_tracker()
