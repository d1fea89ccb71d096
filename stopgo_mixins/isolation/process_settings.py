"""What a fresh process takes over from the process that asks for it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from stopgo_mixins.isolation.numeric_switches import NUMERIC_SETTINGS

HASH_SEED = "PYTHONHASHSEED"


@dataclass(frozen=True)
class ProcessSettings:
    """Where modules and files are found, the environment, and how torch computes; picklable.

    All of it is what a suite has set up before the first phase; what a phase changes is not among it.

    Attributes:
        import_path: ``sys.path``.
        arguments: ``sys.argv``.
        directory: the working directory.
        environment: of the process, without the hash seed, which is the child's own.
        interop_threads: of torch, across operations.
        numeric: how torch and NumPy compute, by the names of the settings.
    """

    import_path: tuple[str, ...]
    arguments: tuple[str, ...]
    directory: str
    environment: Mapping[str, str]
    interop_threads: int
    numeric: Mapping[str, Any]

    @classmethod
    def of_this_process(cls) -> ProcessSettings:
        """Those of now."""
        return cls(
            import_path=import_path(),
            arguments=tuple(sys.argv),
            directory=str(Path.cwd()),
            environment={name: value for name, value in os.environ.items() if name != HASH_SEED},
            interop_threads=torch.get_num_interop_threads(),
            numeric={setting.name: setting.read() for setting in NUMERIC_SETTINGS},
        )

    def apply(self) -> None:
        """Takes them over."""
        sys.path[:] = self.import_path
        sys.argv[:] = self.arguments
        os.chdir(self.directory)
        seed = os.environ[HASH_SEED]
        os.environ.clear()
        os.environ.update(self.environment)
        os.environ[HASH_SEED] = seed  # for the processes of this one
        if torch.get_num_interop_threads() != self.interop_threads:  # it can be set once only
            torch.set_num_interop_threads(self.interop_threads)
        for setting in NUMERIC_SETTINGS:
            setting.put_back(self.numeric[setting.name])


def import_path() -> tuple[str, ...]:
    """``sys.path``, with the working directory of now where it means that of the moment."""
    return tuple(entry or str(Path.cwd()) for entry in sys.path if isinstance(entry, str))
