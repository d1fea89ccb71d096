"""What belongs to a package that the user has not written, and what to the user."""

from __future__ import annotations

import dis
import functools
import sys
import types
from collections.abc import Iterator

WELL_KNOWN = frozenset(
    {
        *("torch", "torchdata", "torchmetrics", "torchvision", "torchaudio", "torchtext", "functorch", "torchao"),
        *("lightning", "pytorch_lightning", "lightning_fabric", "lightning_utilities", "litdata"),
        *("megatron", "nemo", "nemo_run", "transformer_engine", "modelopt", "apex", "deepspeed", "fairscale"),
        *("transformers", "accelerate", "datasets", "tokenizers", "huggingface_hub", "safetensors", "peft"),
        *("numpy", "scipy", "pandas", "pyarrow", "sklearn", "matplotlib", "PIL", "cv2", "h5py", "zarr", "tensorstore"),
        *("omegaconf", "hydra", "fiddle", "fsspec", "yaml", "rich", "tqdm", "joblib", "dill", "cloudpickle"),
        *("wandb", "mlflow", "tensorboard", "tensorboardX", "comet_ml", "neptune", "clearml"),
        *("pytest", "_pytest", "parameterized", "hypothesis"),
    }
)
"""Packages whose objects are not read like a user's."""

_PACKAGED = WELL_KNOWN | sys.stdlib_module_names | {"stopgo_mixins", "builtins"}


_EXAMPLES = ("lightning.pytorch.demos", "pytorch_lightning.demos")
"""What these packages show their users: modules and data sets as a user would write them."""


def is_packaged(module: str | None) -> bool:
    """Whether a module belongs to a well-known package, Python's library or this one."""
    return module is None or (module.partition(".")[0] in _PACKAGED and not module.startswith(_EXAMPLES))


def is_users_class(kind: type) -> bool:
    """Whether the user has written a class."""
    return not is_packaged(kind.__module__)


@functools.cache
def stored_by_packages(kind: type) -> frozenset[str]:
    """The names of the attributes that the packaged classes among a class's bases set themselves.

    They are the package's own business; what else such an object has, the user has given it.
    """
    packaged = (base for base in kind.__mro__ if not is_users_class(base) and base is not object)
    return frozenset(name for base in packaged for name in _stored_by(base))


@functools.cache
def _stored_by(kind: type) -> frozenset[str]:
    codes = (code for member in vars(kind).values() for code in _codes(member))
    slots = {name for name, member in vars(kind).items() if isinstance(member, types.MemberDescriptorType)}
    return frozenset(slots.union(*(_stores(code) for code in codes)))


def _codes(member: object) -> Iterator[types.CodeType]:
    if isinstance(member, property):
        for part in (member.fget, member.fset, member.fdel):
            yield from _codes(part)
        return
    function = getattr(member, "__func__", member)  # of a class method or static method
    while function is not None:
        code = getattr(function, "__code__", None)
        if isinstance(code, types.CodeType):
            yield from _with_inner(code)
        function = getattr(function, "__wrapped__", None)


def _with_inner(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _with_inner(constant)


_STORE_ATTR, _EXTENDED_ARG = dis.opmap["STORE_ATTR"], dis.opmap["EXTENDED_ARG"]


def _stores(code: types.CodeType) -> set[str]:
    """The names of all attributes that a code sets, of whatever object; ``dis`` itself takes a hundred times longer."""
    found, extended = set(), 0
    instructions = code.co_code
    for operation, argument in zip(instructions[::2], instructions[1::2], strict=True):
        if operation == _EXTENDED_ARG:
            extended = (extended | argument) << 8
            continue
        if operation == _STORE_ATTR:
            found.add(code.co_names[extended | argument])
        extended = 0
    return found
