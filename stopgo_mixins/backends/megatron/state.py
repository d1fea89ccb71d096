"""What an event says about a run of NeMo's trainer with ``MegatronStrategy``."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from megatron.core.optimizer import DistributedOptimizer
from megatron.core.parallel_state import (
    get_context_parallel_rank,
    get_data_parallel_world_size,
    get_pipeline_model_parallel_rank,
    get_pipeline_model_parallel_world_size,
    get_tensor_model_parallel_rank,
)
from megatron.core.tensor_parallel.random import get_cuda_rng_tracker
from typing_extensions import override

from stopgo_mixins.backends.fit_loop.state import FitLoopState
from stopgo_mixins.backends.megatron.layout import spread_parameters
from stopgo_mixins.backends.megatron.modules import trained_module
from stopgo_mixins.backends.megatron.optimizers import OptimizerView, main_parameters, mcore_optimizers

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer

    from stopgo_mixins.spread import Spread


class MegatronTrainingState(FitLoopState):
    """Reads a trainer whose strategy is NeMo's ``MegatronStrategy``."""

    @property
    @override
    def reads_own_samples(self) -> bool:  # type: ignore[override]  # of the base class it is an attribute
        """All ranks that hold one replica of the model read the same."""
        return not (
            get_tensor_model_parallel_rank() or get_pipeline_model_parallel_rank() or get_context_parallel_rank()
        )

    @property
    def model(self) -> nn.Module:
        """Megatron's module without any wrapper; its parameters are the compute weights."""
        return trained_module(self._strategy.megatron_parallel)

    @property
    def optimizers(self) -> Sequence[Optimizer]:
        """The members of mcore's chained optimizer; low-precision weights have their fp32 main copy in the state."""
        views: list[Any] = [OptimizerView(member) for member in self._mcore_optimizers()]
        return views

    @property
    def grad_scalers(self) -> Sequence[Any]:
        """The gradient scalers of fp16 training: anything with a ``state_dict()``."""
        scalers = [getattr(member, "grad_scaler", None) for member in self._mcore_optimizers()]
        return [scaler for scaler in scalers if scaler is not None]

    @property
    def consumed_samples(self) -> int:
        """The data sampler's claim; without one Lightning's."""
        sampler = self._strategy.data_sampler
        if sampler is None:
            return super().consumed_samples
        return int(sampler.compute_consumed_samples(self.trainer.global_step - sampler.init_global_step))

    @property
    def saved_samples(self) -> int | None:
        """The data module's claim, which is what a checkpoint of this moment holds; ``None`` where it makes none."""
        data_module = getattr(self.trainer, "datamodule", None)
        saved = {} if data_module is None else data_module.state_dict()
        return int(saved["consumed_samples"]) if "consumed_samples" in saved else None

    @override
    def replicated(self) -> Collection[str]:
        """What data parallelism alone trains on each rank alike; a distributed optimizer spreads its state."""
        if self.world_size == 1 or get_data_parallel_world_size(with_context_parallel=True) < self.world_size:
            return ()
        spread = any(isinstance(member, DistributedOptimizer) for member in self._mcore_optimizers())
        return ("parameters",) if spread else ("optimizer_state", "parameters")

    @override
    def spread(self) -> Mapping[str, Spread]:
        """As mcore's own checkpoints lay the parameters out.

        Raises:
            RuntimeError: for a pipeline of stages, of which each calls its first layer the first.
        """
        if get_pipeline_model_parallel_world_size() > 1:
            raise RuntimeError(
                "resume_devices compares parameters by name, and in pipeline parallelism each stage calls its first "
                "layer decoder.layers.0: change another part of the layout."
            )
        return spread_parameters(self.model)

    def callback_states(self) -> Mapping[str, object]:
        """Without NeMo's checkpoint callback, which the continuous phase has none of."""
        states = super().callback_states()
        return {name: state for name, state in states.items() if not name.startswith("ModelCheckpoint")}

    def of_the_trainer(self) -> Iterable[object]:
        """Also what NeMo wraps the model in, and the reductions of its loss, made when they are first needed."""
        names = ("_training_loss_reduction", "_validation_loss_reduction")
        reductions = filter(None, (getattr(self.module, name, None) for name in names))
        return (*super().of_the_trainer(), self._strategy.megatron_parallel, *reductions)

    def parameter_names(self) -> Mapping[int, str]:
        """The model's parameters, and their main copies under the same names."""
        names = dict(super().parameter_names())
        for member in self._mcore_optimizers():
            names |= {id(main): names[id(model)] for model, main in main_parameters(member) if id(model) in names}
        return names

    def extra_rng_streams(self) -> Mapping[str, Tensor]:
        """The states of Megatron's RNG tracker; on a CPU it tracks none."""
        states = get_cuda_rng_tracker().get_states()
        return {f"megatron {name}": state for name, state in states.items()}

    @property
    def _strategy(self) -> Any:
        return self.trainer.strategy

    def _mcore_optimizers(self) -> list[Any]:
        return [member for optimizer in self.trainer.optimizers for member in mcore_optimizers(optimizer)]
