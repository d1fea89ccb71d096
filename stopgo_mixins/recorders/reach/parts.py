"""What an object holds, by the paths under which a user knows it."""

from __future__ import annotations

import collections
import itertools
from collections.abc import Collection, Iterable, Iterator
from typing import Any

import numpy as np
from torch import nn
from torch.optim import Optimizer

from stopgo_mixins.recorders.attributes import REGISTRIES
from stopgo_mixins.recorders.reach.code import code_parts, is_code, is_written_by_user
from stopgo_mixins.recorders.reach.packages import is_users_class, stored_by_packages
from stopgo_mixins.trace.leaves import PLAIN
from stopgo_mixins.trace.objects import attributes_of

Parts = Iterable[tuple[str, object]]

MAX_ELEMENTS = 1000
"""Of a container: as many at its beginning and as many at its end; what lies between is left alone."""

_NUMBERS_AS_ARRAY = 32
"""A longer list of numbers is read as one array."""

FOLLOWED = {
    **dict.fromkeys(("dataset", "datasets", "source_datapipe", "datapipe"), "data sets that others wrap"),
    **dict.fromkeys(("sampler", "batch_sampler", "data_source"), "samplers"),
    **dict.fromkeys(("generator",), "the generator of a loader, a sampler or a data set"),
    **dict.fromkeys(("indices", "weights"), "what a sampler or a data set chooses from"),
    **dict.fromkeys(("collate_fn", "worker_init_fn"), "functions of a loader"),
    **dict.fromkeys(("transform", "target_transform", "transforms"), "what a data set does to its samples"),
    **dict.fromkeys(("lr_lambdas", "_schedulers"), "functions of a schedule, which it does not save"),
    **dict.fromkeys(("_hparams",), "the hyper-parameters of a Lightning module, which it does not restore"),
    **dict.fromkeys(("_optimizer_step_pre_hooks", "_optimizer_step_post_hooks"), "hooks of an optimizer"),
}
"""Attributes that a package sets on its objects and that may lead to the user's, with what they are."""

_NO_ATTRIBUTES = frozenset({*REGISTRIES, "_hparams_initial", "_hparams_name"})
"""Of a module, also what a function of Lightning's sets: a copy of the hyper-parameters for loggers, and a name."""

_MODULE_HOOKS = ("_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks")
_PARAMETER_HOOKS = ("_backward_hooks", "_post_accumulate_grad_hooks")
_SETTINGS = (bool, float, str)
"""Of a module of torch; the sizes of its layers are whole numbers, and follow from its weights."""


def parts_of(value: object) -> Parts:
    """Yields ``(path, part)`` of all that a value holds; nothing is called that the user has written."""
    if isinstance(value, dict):
        return itertools.chain(_items(value), _attributes(value))
    if isinstance(value, list | tuple | collections.deque):
        return itertools.chain(_elements(value), _attributes(value))
    if isinstance(value, set | frozenset):
        return [("", _as_text(value))]
    if is_code(value):
        return code_parts(value)
    return itertools.chain(_of_torch(value), _attributes(value))


# Containers


def _length(container: Collection[Any]) -> Parts:
    """That of an empty one is left out: many an attribute is made when somebody first asks for it, and is empty."""
    return [(".len()", len(container))] if container else []


def _items(mapping: dict[Any, Any]) -> Parts:
    yield from _length(mapping)
    for number, (key, part) in _ends(dict.items(mapping)):
        yield f"[{_key(key, number)}]", part


def _key(key: object, number: int) -> str:
    """As a user would write it; what prints differently in each process stands by its place."""
    if isinstance(key, str) and key.startswith("/"):
        return repr(key.rpartition("/")[2])
    if isinstance(key, tuple):
        return f"({', '.join(_key(part, number) for part in key)})"
    return repr(key) if isinstance(key, PLAIN) else f"#{number}"


def _elements(container: list[Any] | tuple[Any, ...] | collections.deque[Any]) -> Parts:
    if len(container) > _NUMBERS_AS_ARRAY and all(type(part) in (int, float, bool) for part in container):
        array = np.array(container)
        if array.dtype.kind in "biuf":
            return [("", array)]
    fields = getattr(type(container), "_fields", None)
    names = [f".{name}" for name in fields] if fields else [f"[{index}]" for index in range(len(container))]
    length = [] if isinstance(container, tuple) else _length(container)
    return [*length, *((names[index], part) for index, part in _ends(container))]


def _ends(container: Iterable[Any]) -> Iterator[tuple[int, Any]]:
    elements = list(container)
    for index, part in enumerate(elements):
        if index < MAX_ELEMENTS or index >= len(elements) - MAX_ELEMENTS:
            yield index, part


def _as_text(elements: set[Any] | frozenset[Any]) -> str:
    """The values of a set in an order that does not depend on the process."""
    return f"{{{', '.join(sorted(repr(element) for element in elements if isinstance(element, PLAIN)))}}}"


# Objects


def _of_torch(value: object) -> Parts:
    if isinstance(value, nn.Module):
        return _of_module(value)
    if isinstance(value, Optimizer):
        saved = value.state_dict()
        return [(f".{name}", saved[name]) for name in ("state", "param_groups") if name in saved]
    return ()


def _of_module(module: nn.Module) -> Parts:
    yield ".training", module.training
    yield from ((f".{name}", child) for name, child in nn.Module.named_children(module))
    for name, parameter in nn.Module.named_parameters(module, recurse=False):
        yield f".{name}", parameter
        yield from _hooks(f".{name}", parameter, _PARAMETER_HOOKS)
    yield from ((f".{name}", buffer) for name, buffer in nn.Module.named_buffers(module, recurse=False))
    yield from _hooks("", module, _MODULE_HOOKS)
    own = attributes_of(module)
    if isinstance(own.get("_defaults"), dict) and hasattr(module, "add_state"):  # a metric of torchmetrics
        yield from ((f".{name}", own[name]) for name in own["_defaults"] if name in own)


def _hooks(path: str, owner: object, registries: Iterable[str]) -> Parts:
    """Numbered by their order: their own numbers count over the process."""
    for registry in registries:
        hooks = (getattr(owner, registry, None) or {}).values()
        yield from ((f"{path}.{registry}[{number}]", hook) for number, hook in enumerate(hooks))


def _attributes(value: object) -> Parts:
    """What the user has put on an object, in alphabetical order: that of their creation is another after a resume."""
    kind: Any = type(value)
    if kind in (dict, list, tuple, collections.deque):
        return
    packaged, theirs = not is_users_class(kind), stored_by_packages(kind)
    for name, part in sorted(attributes_of(value).items()):
        if name.startswith("__") or (isinstance(value, nn.Module) and name in _NO_ATTRIBUTES):
            continue
        if name in theirs:
            is_setting = isinstance(value, nn.Module) and type(part) in _SETTINGS and not name.startswith("_")
            if name in FOLLOWED or is_setting or _leads_to_the_user(part):
                yield f".{name}", part
        elif not (packaged and name.startswith("_")):
            yield f".{name}", part


def _leads_to_the_user(value: object) -> bool:
    """Whether a value, or what a short container holds, is an object or a function that the user has written."""
    if isinstance(value, list | tuple | dict) and len(value) <= MAX_ELEMENTS:
        return any(map(is_written_by_user, value.values() if isinstance(value, dict) else value))
    return is_written_by_user(value)
