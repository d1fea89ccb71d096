"""How Megatron spreads the parameters of a model over the ranks."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from megatron.core.dist_checkpointing.dict_utils import nested_values
from megatron.core.dist_checkpointing.mapping import ShardedTensorFactory
from megatron.core.dist_checkpointing.utils import extract_sharded_tensors_and_factories
from torch import Tensor

from stopgo_mixins.spread import Shard, Spread


def spread_parameters(model: Any) -> Mapping[str, Spread]:
    """As mcore's checkpoints lay them out, by name.

    Args:
        model: Megatron's module without any wrapper.
    """
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    tensors, _ = extract_sharded_tensors_and_factories(model.sharded_state_dict())
    found = [tensor for tensor in nested_values(tensors) if id(tensor.data) in names]
    return {names[id(each.data)]: Spread(tuple(each.data.shape), _splitter(each)) for each in found}


def _splitter(whole: Any) -> Callable[[Tensor], Iterator[tuple[Shard, Tensor]]]:
    """Lays another tensor out as mcore does the parameter; a factory is what makes several shards of it."""

    def split(tensor: Tensor) -> Iterator[tuple[Shard, Tensor]]:
        same = dataclasses.replace(whole, data=tensor)
        shards = nested_values(same.build()) if isinstance(same, ShardedTensorFactory) else [same]
        for shard in shards:
            stacked = shard.prepend_axis_num  # all layers are one tensor there, and have names of their own here
            yield Shard(tuple(shard.global_shape[stacked:]), tuple(shard.global_offset[stacked:])), shard.data

    return split
