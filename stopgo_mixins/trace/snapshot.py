"""Takes a nested value apart into leaves with stable paths."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set

import numpy as np
import torch
from torch.nn.parameter import is_lazy

from stopgo_mixins.trace.digest import digest_bytes
from stopgo_mixins.trace.leaves import PLAIN, Bytes, UnreadableError, device_leaves, is_on_device, leaf_of
from stopgo_mixins.trace.objects import Parts, object_parts
from stopgo_mixins.trace.parts import array_parts, tensor_parts
from stopgo_mixins.trace.record import Leaf

EMPTY = "empty container"

MAX_OBJECTS = 5
"""How many objects, each an attribute of the one before, are taken apart; further ones belong to somebody else."""


@dataclasses.dataclass(frozen=True)
class Unreadable:
    """A part of a value that cannot be recorded.

    Attributes:
        kind: its class, with the module of that.
        reason: completes "a <kind> ...".
    """

    kind: str
    reason: str

    def __str__(self) -> str:
        return f"a {self.kind} {self.reason}"


Part = tuple[str, Leaf | Unreadable, Bytes]
"""Path, leaf, bytes; an unreadable part has none."""


def snapshot(value: object, path: str = "") -> Iterator[Part]:
    """Yields ``(path, leaf, bytes)`` for every leaf of ``value``, and an :class:`Unreadable` for what is none.

    The bytes may alias live memory: the caller writes them before it lets training go on.
    What lies on a GPU comes last, since all of it is digested there in one go.
    Mappings, sequences, named tuples, dataclasses, sets, sparse, quantized, nested and distributed tensors, masked and
    structured arrays, and generators are taken apart, and objects of any other class by what they hold; an empty
    container is a leaf of its own.
    The paths are the structure: a list equals a tuple of the same elements, and a mapping has no order.
    Whatever reading a value raises becomes an :class:`Unreadable`: a trace has no say in the run.

    Args:
        value: what to take apart.
        path: precedes those of the leaves.
    """
    on_device: dict[torch.device, list[tuple[str, torch.Tensor]]] = {}
    for part in _walk(value, path, ()):
        if len(part) == 3:  # noqa: PLR2004 - the digest is there
            yield part
        else:
            on_device.setdefault(part[1].device, []).append(part)
    for found in on_device.values():
        yield from _on_device(found)


def _on_device(found: Sequence[tuple[str, torch.Tensor]]) -> Iterator[Part]:
    """One that cannot be digested must not take the others with it."""
    try:
        leaves = device_leaves([tensor for _, tensor in found])
    except Exception as error:
        if len(found) == 1:
            (path, tensor), *_ = found
            yield path, _unreadable(tensor, error), b""
        else:
            for each in found:
                yield from _on_device([each])
        return
    for (path, _), (leaf, data) in zip(found, leaves, strict=True):
        yield path, leaf, data


def _walk(value: object, path: str, within: tuple[object, ...]) -> Iterator[Part | tuple[str, torch.Tensor]]:
    """Yields tensors on a GPU as they are.

    Args:
        value: what to take apart.
        path: of it.
        within: what it was found in, outermost first; what leads back to it is left out.
    """
    if isinstance(value, Unreadable):
        yield path, value, b""
        return
    try:
        parts = _parts(value, within)
        if parts is not None:
            yield from _inner(value, parts, path, (*within, value))
        elif isinstance(value, torch.Tensor) and is_on_device(value):
            yield path, value
        else:
            yield path, *leaf_of(value)
    except Exception as error:
        yield path, _unreadable(value, error), b""


def _inner(
    value: object, parts: Parts, path: str, within: tuple[object, ...]
) -> Iterator[Part | tuple[str, torch.Tensor]]:
    empty = True
    for name, part in _guarded(value, parts):
        if any(part is outer for outer in within):
            continue
        empty = False
        yield from _walk(part, path + name, within)
    if empty:
        yield path, Leaf(EMPTY, _family(value), (), "", digest_bytes(b"")), b""


def _guarded(value: object, parts: Parts) -> Parts:
    """The parts, as far as the value lets itself be walked through."""
    try:
        yield from parts
    except Exception as error:
        yield "", _unreadable(value, error)


def _parts(value: object, within: Sequence[object]) -> Parts | None:
    """``(path, part)`` of what consists of parts; ``None`` for a leaf."""
    if isinstance(value, torch.Tensor):
        return None if is_lazy(value) else tensor_parts(value)
    if isinstance(value, np.ndarray | np.generic):
        return array_parts(value)
    if isinstance(value, PLAIN):
        return None
    parts = _container_parts(value)
    if parts is None:
        if sum(map(_is_other, within)) >= MAX_OBJECTS:
            raise UnreadableError(f"inside of {MAX_OBJECTS} other objects. Record what matters of it")
        parts = object_parts(value)
    if parts is None:
        raise UnreadableError(
            "in which nothing can be read. Record tensors, arrays, numbers, strings, or containers and objects of them"
        )
    return parts


class ByPath(dict[str, object]):
    """Values by the whole paths under which they are to be recorded."""


def _container_parts(value: object) -> Parts | None:
    if isinstance(value, ByPath):
        return iter(value.items())
    if isinstance(value, torch.Generator):
        return iter([(".state", value.get_state())])
    if isinstance(value, Mapping):
        return _mapping_parts(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return ((f".{name}", getattr(value, name)) for name in value._fields)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return ((f".{field.name}", getattr(value, field.name)) for field in dataclasses.fields(value))
    if isinstance(value, Set):
        return _numbered(sorted(value, key=repr))
    if isinstance(value, Sequence):
        return _numbered(value)
    return None


def _is_other(value: object) -> bool:
    """Whether it is an object of a class that is not known here."""
    known = isinstance(value, Mapping | Sequence | Set | torch.Tensor | np.ndarray)
    return not known and not dataclasses.is_dataclass(value)


def _numbered(values: Iterable[object]) -> Parts:
    return ((f"[{index}]", part) for index, part in enumerate(values))


def _mapping_parts(mapping: Mapping[object, object]) -> Parts:
    return (_mapping_part(key, part) for key, part in mapping.items())


def _mapping_part(key: object, part: object) -> tuple[str, object]:
    try:
        return f"[{_mapping_key(key)!r}]", part
    except UnreadableError as error:
        return "", _unreadable(key, error)


_KEYS = str | bytes | bool | int | float | None | np.generic | torch.dtype | torch.device | type


def _mapping_key(key: object) -> object:
    """The key as its path shows it: only what prints the same in every process."""
    if isinstance(key, tuple):
        return tuple(_mapping_key(part) for part in key)
    if isinstance(key, enum.Enum):
        return _mapping_key(key.value)
    if not isinstance(key, _KEYS):
        raise UnreadableError("as a mapping's key: another process would write it differently. Use strings or numbers")
    return key


def _family(container: object) -> str:
    families = {"mapping": Mapping, "sequence": Sequence, "set": Set}
    return next((name for name, kind in families.items() if isinstance(container, kind)), type(container).__name__)


def _unreadable(value: object, error: Exception) -> Unreadable:
    kind = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
    own = isinstance(error, UnreadableError)
    return Unreadable(kind, str(error) if own else f"that cannot be read: {type(error).__name__}: {error}")
