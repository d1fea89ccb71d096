"""Random number generators that are objects: of a module, a callback, a sampler or a data set."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import torch


def generator_state(value: object) -> object | None:
    """The state of a generator of torch, NumPy or Python; ``None`` for anything else.

    NumPy's bit generators are among them, and its seed sequences, of which generators are spawned.
    Nothing is drawn from it.
    """
    if isinstance(value, torch.Generator):
        return value.get_state()
    if isinstance(value, np.random.Generator):
        return value.bit_generator.state
    if isinstance(value, np.random.BitGenerator):
        return value.state
    if isinstance(value, np.random.SeedSequence):
        return {"spawned": value.n_children_spawned}
    if isinstance(value, np.random.RandomState):
        return value.get_state(legacy=False)
    if isinstance(value, random.Random) and not isinstance(value, random.SystemRandom):
        return python_generator_state(value.getstate())
    return None


def python_generator_state(state: tuple[object, ...]) -> dict[str, object]:
    """What ``random.getstate()`` returns, with the words as one array."""
    _, words, gauss = state
    return {"words": np.array(words, dtype=np.uint64), "gauss": gauss}


def generators_of(name: str, owner: object) -> Iterator[tuple[str, object]]:
    """Yields ``(name, generator)`` for the attributes of an object, such as ``train_dataloader.sampler.generator``.

    A loader's sampler, batch sampler and data set are looked into as well.
    """
    attributes = getattr(owner, "__dict__", {})
    for key, value in attributes.items():
        if generator_state(value) is not None:
            yield f"{name}.{key}", value
    for part in ("sampler", "batch_sampler", "dataset"):
        if attributes.get(part) is not None:
            yield from generators_of(f"{name}.{part}", attributes[part])
