"""Strategies for everything that can be recorded, each with the paths at which its leaves must be found."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

few = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],  # on a busy machine
)
"""The same examples every time: a suite that fails now and then is no suite."""

TENSOR_DTYPES = (
    torch.float64,
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.float8_e4m3fn,
    torch.float8_e4m3fnuz,
    torch.float8_e5m2,
    torch.float8_e5m2fnuz,
    torch.complex64,
    torch.complex128,
    torch.bool,
    torch.uint8,
    torch.int8,
    torch.int16,
    torch.int32,
    torch.int64,
)
NUMBER_DTYPES = ("<f8", "<f4", ">f4", "<f2", "<c8", "|b1", "<i8", ">i2", "<u4", "<M8[s]")
ARRAY_DTYPES = (*NUMBER_DTYPES, "<U2")
FILLED = ((), (1,), (3,), (2, 3), (2, 1, 2))
SHAPES = (*FILLED, (0,), (2, 0))


@dataclass(frozen=True)
class Block:
    """A tensor or array by its bytes.

    Attributes:
        dtype: of torch, or the string of NumPy's.
        shape: its shape.
        data: its bytes in row-major order.
        layout: how they lie in memory.
    """

    dtype: Any
    shape: tuple[int, ...]
    data: bytes
    layout: str = "contiguous"

    def build(self) -> Any:
        if isinstance(self.dtype, str):
            return np.frombuffer(self.data, self.dtype).reshape(self.shape) if self.data else self._empty_array()
        if not self.data:
            return torch.empty(self.shape, dtype=self.dtype)
        dense = torch.frombuffer(bytearray(self.data), dtype=torch.uint8).view(self.dtype).reshape(self.shape)
        return _LAYOUTS[self.layout](dense)

    def _empty_array(self) -> Any:
        return np.empty(self.shape, self.dtype)

    def flipped(self, bit: int) -> Block:
        """With one bit changed; a boolean becomes the other one."""
        position, shift = divmod(bit, 8)
        mask = 1 if self.dtype in (torch.bool, "|b1") else 1 << shift
        return replace(self, data=bytes(b ^ mask if i == position else b for i, b in enumerate(self.data)))


def _transposed(dense: torch.Tensor) -> torch.Tensor:
    return dense.movedim(0, -1).contiguous().movedim(-1, 0) if dense.ndim > 1 else dense


def _strided(dense: torch.Tensor) -> torch.Tensor:
    """Every second row of a tensor twice as long."""
    return torch.stack([dense, dense], 1)[:, 0] if dense.ndim else dense


def _shared(dense: torch.Tensor) -> torch.Tensor:
    """A part of a larger storage."""
    return torch.cat([dense, dense])[len(dense) :] if dense.ndim else dense


_LAYOUTS = {"contiguous": lambda dense: dense, "transposed": _transposed, "strided": _strided, "shared": _shared}


@dataclass(frozen=True)
class Tree:
    """A nested value: ``kind`` is ``"dict"``, ``"list"``, ``"tuple"`` or ``"leaf"``."""

    kind: str
    content: Any

    def build(self) -> Any:
        if self.kind == "leaf":
            return self.content.build() if isinstance(self.content, Block) else self.content
        if self.kind == "dict":
            return {key: child.build() for key, child in self.content.items()}
        return {"list": list, "tuple": tuple}[self.kind](child.build() for child in self.content)

    def leaves(self, path: str = "") -> dict[str, Any]:
        """Path -> leaf, an empty container being ``()``."""
        if self.kind == "leaf":
            return {path: self.content}
        found = {}
        for key, child in self._children():
            found |= child.leaves(f"{path}[{key!r}]")
        return found or {path: ()}

    def _children(self) -> Any:
        return self.content.items() if self.kind == "dict" else enumerate(self.content)

    def replaced(self, path: str, leaf: Any, here: str = "") -> Tree:
        """With another leaf at ``path``."""
        if self.kind == "leaf":
            return Tree("leaf", leaf) if here == path else self
        children = {key: child.replaced(path, leaf, f"{here}[{key!r}]") for key, child in self._children()}
        return Tree(self.kind, children if self.kind == "dict" else list(children.values()))

    def with_layouts(self, layout: str) -> Tree:
        """The same value, lying differently in memory."""
        if self.kind == "leaf":
            content = self.content
            is_tensor = isinstance(content, Block) and not isinstance(content.dtype, str)
            return Tree("leaf", replace(content, layout=layout)) if is_tensor else self
        children = {key: child.with_layouts(layout) for key, child in self._children()}
        return Tree(self.kind, children if self.kind == "dict" else list(children.values()))


@st.composite
def blocks(
    draw: st.DrawFn,
    dtypes: tuple[Any, ...] = (*TENSOR_DTYPES, *ARRAY_DTYPES),
    shapes: tuple[tuple[int, ...], ...] = SHAPES,
) -> Block:
    """Tensors and arrays of any bits, NaN payloads and infinities among them."""
    dtype, shape = draw(st.sampled_from(dtypes)), draw(st.sampled_from(shapes))
    size = np.dtype(dtype).itemsize if isinstance(dtype, str) else dtype.itemsize
    count = int(np.prod(shape)) * size
    if dtype in (torch.bool, "|b1"):
        data = bytes(draw(st.lists(st.integers(0, 1), min_size=count, max_size=count)))
    elif dtype == "<U2":  # only code points
        data = np.array(
            draw(st.lists(st.sampled_from(["", "a", "é", "bc"]), min_size=count // 8, max_size=count // 8)), dtype
        ).tobytes()
    else:
        data = draw(st.binary(min_size=count, max_size=count))
    return Block(dtype, shape, data)


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text(max_size=4)
    | st.binary(max_size=4)
)
KEYS = st.text(max_size=3) | st.integers(0, 3) | st.sampled_from(["a']['b", "tab\t", "['x']"])


def trees() -> st.SearchStrategy[Tree]:
    """Nested dictionaries, lists and tuples, empty ones among them, with at least one leaf."""
    return st.builds(lambda tree: Tree("list", [Tree("leaf", 0), tree]), _any_trees())


def _any_trees() -> st.SearchStrategy[Tree]:
    leaves = st.builds(Tree, st.just("leaf"), blocks() | SCALARS)
    return st.recursive(
        leaves,
        lambda children: (
            st.builds(Tree, st.just("dict"), st.dictionaries(KEYS, children, max_size=3))
            | st.builds(Tree, st.sampled_from(["list", "tuple"]), st.lists(children, max_size=3))
        ),
        max_leaves=6,
    )
