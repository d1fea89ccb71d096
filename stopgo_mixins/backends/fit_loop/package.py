"""Lightning comes as two packages with the same contents and unequal classes: ``lightning`` and ``pytorch_lightning``.

What is a callback to one is one to the other, since trainers call hooks by name; modules, data modules and trainers
have to be of the same package.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import TYPE_CHECKING, Any

__all__ = ["Callback", "Checkpoint", "is_a", "package_of"]

_PACKAGES = {"lightning": "lightning.pytorch", "pytorch_lightning": "pytorch_lightning"}
"""Root package -> where its public names are."""


def _imported() -> str:
    """The one that the process uses already, else the one that is installed: importing either takes seconds."""
    loaded = [name for name in _PACKAGES.values() if sys.modules.get(name)]
    if loaded:
        return loaded[0]
    return next((name for root, name in _PACKAGES.items() if importlib.util.find_spec(root)), "lightning.pytorch")


if TYPE_CHECKING:
    from lightning.pytorch import Callback
    from lightning.pytorch.callbacks import Checkpoint
else:
    _package = importlib.import_module(_imported())
    Callback, Checkpoint = _package.Callback, _package.callbacks.Checkpoint


def package_of(module: object) -> Any:
    """The package whose ``LightningModule`` a module is; ``lightning.pytorch`` where it is none."""
    for base in type(module).__mro__:
        if base.__name__ == "LightningModule" and (root := _root(base)) in _PACKAGES:
            return importlib.import_module(_PACKAGES[root])
    return importlib.import_module(_imported())


def is_a(thing: object, class_name: str) -> bool:
    """Whether a thing is an instance of a class of that name in either package."""
    return any(base.__name__ == class_name and _root(base) in _PACKAGES for base in type(thing).__mro__)


def _root(kind: type) -> str:
    return kind.__module__.partition(".")[0]
