"""On what a run was made: the machine, and the versions of what took part."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version

import torch

_PACKAGES = {
    "stopgo_mixins": "stopgo_mixins",
    "torch": "torch",
    "numpy": "numpy",
    "lightning": "lightning",
    "pytorch_lightning": "pytorch-lightning",
    "torchdata": "torchdata",
    "transformers": "transformers",
    "accelerate": "accelerate",
    "nemo": "nemo_toolkit",
    "megatron": "megatron-core",
}
"""Module -> the distribution that it comes from, of what may decide how a run resumes."""


def environment() -> dict[str, str]:
    """What is known of this process, in words; of packages only those that it has imported."""
    versions = {name: _version(_PACKAGES[name]) for name in _PACKAGES if name in sys.modules}
    return {
        "system": platform.platform(),
        "processor": f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} torch threads",
        **_accelerator(),
        "Python": platform.python_version(),
        **{name: found for name, found in versions.items() if found},
    }


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:  # a checkout on the path
        return None


def _accelerator() -> dict[str, str]:
    # Whoever has not used a GPU so far is not made to.
    return {"accelerator": torch.cuda.get_device_name()} if torch.cuda.is_initialized() else {}
