"""Megatron's optimizers, seen as torch optimizers whose state stands under the names of the model's parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor

MAIN_PARAMETER = "main_parameter"
"""The entry of an optimizer's state that holds the fp32 copy from which low-precision weights are rounded."""

_MAIN_COPIES = (
    ("float16_groups", "fp32_from_float16_groups"),
    ("model_float16_groups", "shard_fp32_from_float16_groups"),
    ("model_fp32_groups", "shard_fp32_groups"),
)
"""Attributes of mcore's optimizers: groups of model parameters, and groups of what is optimized in their place.

The first pair is that of mixed precision, the others are those of the distributed optimizer.
"""


def mcore_optimizers(optimizer: Any) -> list[Any]:
    """The members of a chained optimizer that train something, in mcore's order.

    Args:
        optimizer: an optimizer as NeMo's strategy keeps it, or a torch optimizer.
    """
    mcore_optimizer = getattr(optimizer, "mcore_optimizer", optimizer)
    members = getattr(mcore_optimizer, "chained_optimizers", [mcore_optimizer])
    return [member for member in members if not getattr(member, "is_stub_optimizer", False)]


def main_parameters(mcore_optimizer: Any) -> Iterator[tuple[Tensor, Tensor]]:
    """Yields ``(model parameter, its fp32 main copy or this rank's shard of it)``."""
    for model_attribute, main_attribute in _MAIN_COPIES:
        groups = zip(
            getattr(mcore_optimizer, model_attribute, ()), getattr(mcore_optimizer, main_attribute, ()), strict=True
        )
        for model_group, main_group in groups:
            yield from ((model, main) for model, main in zip(model_group, main_group, strict=True) if main is not None)


def require_savable(test_class: str, model: object, optimizer: object | None) -> None:
    """Demands an optimizer whose state mcore can write to a checkpoint.

    Args:
        test_class: for the message.
        model: which has an optimizer of its own if none is given, as NeMo's models do.
        optimizer: what ``setup_model`` has returned beside the model.

    Raises:
        TypeError: for a distributed optimizer where torch's Adam takes the place of a fused one, saying what to write.
    """
    from megatron.core.optimizer import USING_PYTORCH_OPTIMIZER

    config = getattr(getattr(model, "optim", None) if optimizer is None else optimizer, "config", None)
    if not USING_PYTORCH_OPTIMIZER or not getattr(config, "use_distributed_optimizer", False):
        return
    returned = "no optimizer, so that NeMo takes the model's own, whose" if optimizer is None else "an optimizer whose"
    raise TypeError(
        f"{test_class}.setup_model returned {returned} use_distributed_optimizer is True: mcore saves that only with "
        "the Adam of Transformer Engine or apex, and neither is installed. Return (model, data, "
        "MegatronOptimizerModule(OptimizerConfig(lr=cls.lr, use_distributed_optimizer=False)))."
    )


class OptimizerView:
    """The torch optimizer inside one of mcore's, with the main parameters as part of its state.

    Attributes:
        state: what is optimized -> its entries: the moments, the step counter where the optimizer keeps it there
            (others keep it in ``param_groups``), and :data:`MAIN_PARAMETER` where that is a copy of its own.
        param_groups: those of the torch optimizer, alive.
    """

    def __init__(self, mcore_optimizer: Any) -> None:
        inner = getattr(mcore_optimizer, "optimizer", mcore_optimizer)
        self.param_groups = inner.param_groups
        self.state: dict[Tensor, Any] = dict(inner.state)
        for model, main in main_parameters(mcore_optimizer):
            if main.dtype != model.dtype:  # else it is the model's own parameter, or a view of it
                self.state[main] = {**self.state.get(main, {}), MAIN_PARAMETER: main}
