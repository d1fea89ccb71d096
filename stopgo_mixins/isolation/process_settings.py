"""What a fresh process takes over from the process that asks for it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

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
        threads: of torch, within an operation.
        interop_threads: of torch, across operations.
        default_dtype: of torch, by name.
        matmul_precision: of torch.
    """

    import_path: tuple[str, ...]
    arguments: tuple[str, ...]
    directory: str
    environment: Mapping[str, str]
    threads: int
    interop_threads: int
    default_dtype: str
    matmul_precision: str

    @classmethod
    def of_this_process(cls) -> ProcessSettings:
        """Those of now."""
        import torch

        return cls(
            import_path=import_path(),
            arguments=tuple(sys.argv),
            directory=str(Path.cwd()),
            environment={name: value for name, value in os.environ.items() if name != HASH_SEED},
            threads=torch.get_num_threads(),
            interop_threads=torch.get_num_interop_threads(),
            default_dtype=str(torch.get_default_dtype()).removeprefix("torch."),
            matmul_precision=torch.get_float32_matmul_precision(),
        )

    def apply(self) -> None:
        """Takes them over."""
        import torch

        sys.path[:] = self.import_path
        sys.argv[:] = self.arguments
        os.chdir(self.directory)
        seed = os.environ[HASH_SEED]
        os.environ.clear()
        os.environ.update(self.environment)
        os.environ[HASH_SEED] = seed  # for the processes of this one
        torch.set_num_threads(self.threads)
        if torch.get_num_interop_threads() != self.interop_threads:  # it can be set once only
            torch.set_num_interop_threads(self.interop_threads)
        torch.set_default_dtype(getattr(torch, self.default_dtype))
        torch.set_float32_matmul_precision(self.matmul_precision)


def import_path() -> tuple[str, ...]:
    """``sys.path``, with the working directory of now where it means that of the moment."""
    return tuple(entry or str(Path.cwd()) for entry in sys.path if isinstance(entry, str))
