"""128-bit digests of bytes in the memory of the host.

xxh3-128 depends on the order of the bytes, which ``torch.hash_tensor`` (an XOR) does not: a permuted tensor differs.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import xxhash

_CHUNK = 2**20
"""Bytes of a file that are read at once."""


def tensor_bytes(tensor: torch.Tensor) -> memoryview:
    """The bytes of a dense tensor in row-major order; aliases its memory where that is contiguous on the CPU."""
    flat = flat_bytes(tensor.detach().cpu())
    # Not Tensor.numpy(), after which nobody may resize the storage any more, as FSDP does with its parameters.
    return np.from_dlpack(flat).data if flat.numel() else memoryview(b"")


def flat_bytes(tensor: torch.Tensor) -> torch.Tensor:
    """The same as a tensor of ``uint8`` where the tensor lies; aliases its memory where that is contiguous."""
    # Conjugate and negative views are flags on shared memory: resolved, or the bytes would be the base tensor's.
    return tensor.detach().resolve_conj().resolve_neg().contiguous().reshape(-1).view(torch.uint8)


def digest_bytes(data: bytes | memoryview) -> str:
    """The xxh3-128 of the bytes, as 32 hexadecimal digits."""
    return xxhash.xxh3_128_hexdigest(data)


def digest_file(path: Path) -> str:
    """The same of a file, of which only a part is in memory at a time."""
    hasher = xxhash.xxh3_128()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            hasher.update(chunk)
    return hasher.hexdigest()
