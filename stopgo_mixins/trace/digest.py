"""128-bit digests of tensors' bytes.

xxh3-128 depends on the order of the bytes, which ``torch.hash_tensor`` (an XOR) does not: a permuted tensor differs.
"""

from __future__ import annotations

import torch
import xxhash


def tensor_bytes(tensor: torch.Tensor) -> memoryview:
    """The bytes of a dense tensor in row-major order; aliases its memory where that is contiguous on the CPU."""
    # Conjugate and negative views are flags on shared memory: resolved, or the bytes would be the base tensor's.
    dense = tensor.detach().resolve_conj().resolve_neg().cpu().contiguous()
    if dense.numel() == 0:
        return memoryview(b"")
    return dense.reshape(-1).view(torch.uint8).numpy().data


def digest_bytes(data: bytes | memoryview) -> str:
    """The xxh3-128 of the bytes, as 32 hexadecimal digits."""
    return xxhash.xxh3_128_hexdigest(data)
