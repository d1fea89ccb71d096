"""How far two states of a random number generator lie apart: by how many numbers drawn."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stopgo_mixins.comparison.states import number

if TYPE_CHECKING:
    from stopgo_mixins.trace.record import Leaf, Record

_BLOCK = 624
"""So many words a Mersenne Twister makes at once."""

_FARTHEST = 1 << 22
"""So many random numbers are drawn in search of a state."""

_TORCH_CPU, _TORCH_CUDA = (5056,), (16,)
"""The shapes of ``torch.get_rng_state()`` and ``torch.cuda.get_rng_state()``."""


def is_generator_state(leaf: Leaf) -> bool:
    """Whether a leaf is what torch returns as the state of a generator, whose bytes are no numbers."""
    return leaf.dtype == "uint8" and leaf.shape in (_TORCH_CPU, _TORCH_CUDA)


@dataclass(frozen=True)
class MersenneTwister:
    """A state of the generator behind Python's ``random``, NumPy's global one and torch's on a CPU.

    Attributes:
        words: the block that it draws from, as bytes of 32-bit integers.
        position: how many of them are used up, up to 624.
    """

    words: bytes
    position: int

    def numbers_until(self, other: MersenneTwister) -> int | None:
        """How many random numbers are drawn until it is in the other's state; ``None`` where that is out of reach."""
        if self.words == other.words and self.position <= other.position:
            return other.position - self.position
        generator = np.random.MT19937()
        key = np.frombuffer(self.words, np.uint32)
        generator.state = {"bit_generator": "MT19937", "state": {"key": key, "pos": self.position}}
        generator.random_raw(_BLOCK - self.position, output=False)
        for begin in range(_BLOCK, _FARTHEST, _BLOCK):
            generator.random_raw(1, output=False)  # makes the next block
            if generator.state["state"]["key"].tobytes() == other.words:
                return begin + other.position - self.position
            generator.random_raw(_BLOCK - 1, output=False)
        return None


def twisters(state: Mapping[str, Record]) -> dict[str, MersenneTwister]:
    """The Mersenne Twisters in a state of all generators, by stream; what is none, or was not kept, is left out.

    Args:
        state: records by path.
    """
    streams: dict[str, dict[str, Record]] = defaultdict(dict)
    for path, record in state.items():
        stream = stream_of(path)
        streams[stream][path.removeprefix(f"['{stream}']")] = record
    found = {stream: _twister(parts) for stream, parts in streams.items()}
    return {stream: twister for stream, twister in found.items() if twister is not None}


def stream_of(path: str) -> str:
    """The first key of a path: ``['torch']`` is ``torch``."""
    match = re.match(r"\['(.*?)'\]", path)
    return match[1] if match else path


def _twister(parts: Mapping[str, Record]) -> MersenneTwister | None:
    if "" in parts and is_generator_state(parts[""].leaf) and parts[""].leaf.shape == _TORCH_CPU:
        return _of_torch(parts[""].read_bytes())
    if "['words']" in parts and parts["['words']"].leaf.shape == (_BLOCK + 1,):
        return _of_python(parts["['words']"].read_bytes())
    if "['state']['key']" in parts and parts["['state']['key']"].leaf.shape == (_BLOCK,):
        return _of_numpy(parts["['state']['key']"].read_bytes(), number(parts.get("['state']['pos']")))
    return None


def _of_torch(data: bytes | None) -> MersenneTwister | None:
    """Behind a seed of 64 bits: how many words are left, with the one to come, as 32 bits; the words from byte 24."""
    if data is None:
        return None
    left = int(np.frombuffer(data, np.int32, count=1, offset=8)[0])
    words = np.frombuffer(data, np.uint64, count=_BLOCK, offset=24).astype(np.uint32)
    return MersenneTwister(words.tobytes(), _BLOCK + 1 - left)


def _of_python(data: bytes | None) -> MersenneTwister | None:
    """The position stands behind the words."""
    if data is None:
        return None
    words = np.frombuffer(data, np.uint64).astype(np.uint32)
    return MersenneTwister(words[:-1].tobytes(), int(words[-1]))


def _of_numpy(data: bytes | None, position: float | None) -> MersenneTwister | None:
    return None if data is None or position is None else MersenneTwister(data, int(position))
