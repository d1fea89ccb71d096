"""The ranks on which a launcher such as torchrun has started the whole suite: each runs every phase as one of them."""

from __future__ import annotations

import atexit
import itertools
import os
import time
import unittest
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any
from unittest import mock

from stopgo_mixins.exceptions import PhaseError
from stopgo_mixins.isolation.ending import described
from stopgo_mixins.isolation.run_directory import BorrowedDirectory, make_run_directory

if TYPE_CHECKING:
    from torch._C._distributed_c10d import TCPStore

    from stopgo_mixins.isolation.run_directory import RunDirectory

_PATIENCE = timedelta(days=1)
"""For how long a rank waits for the others, which may be training still."""


class World:
    """Speaks to the other ranks through the launcher's own store; all of them must say the same things in one order.

    Attributes:
        rank: of this process.
        size: how many there are.
    """

    def __init__(self) -> None:
        self.rank, self.size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
        self._host = os.environ["MASTER_ADDR"]
        self._store = _store(self._host, int(os.environ["MASTER_PORT"]), is_master=False, timeout=_PATIENCE)
        self._turns = itertools.count()
        atexit.register(self._let_rank_0_end_first)

    def everyone(self, own: str = "") -> list[str]:
        """Waits for all ranks, and returns what each has said, by rank."""
        turn = next(self._turns)
        self._store.set(f"stopgo/{turn}/{self.rank}", own)
        return [self._store.get(f"stopgo/{turn}/{rank}").decode() for rank in range(self.size)]

    def _let_rank_0_end_first(self) -> None:
        """The launcher ends all ranks as soon as one has failed; what they have found is to be read on rank 0."""
        if self.rank == 0:
            self._store.set("stopgo/end", "")
        else:
            self._store.get("stopgo/end")

    def make_run_directory(self, name: str) -> RunDirectory:
        """One directory for all ranks; the other ones borrow that of rank 0."""
        if self.rank == 0:
            own = make_run_directory(name)
            self.everyone(own.name)
            return own
        return BorrowedDirectory(self.everyone()[0])

    @contextmanager
    def phase(self) -> Iterator[None]:
        """Surrounds a phase: its process group finds itself through a store of its own, and is gone afterwards.

        The launcher's store remembers the group of the phase before. Whoever fails closes its connections, so that
        nobody waits for it.

        Raises:
            PhaseError: on every other rank, when one has failed.
        """
        import torch

        server = _store(self._host, 0, is_master=True, wait_for_workers=False)
        port = self.everyone(str(server.port))[0]
        said, own = "", None
        try:
            with mock.patch.dict(os.environ, MASTER_PORT=port):
                yield
        except BaseException as error:
            said, own = f"{time.time():.6f} {described(error)}", error
            raise
        finally:
            if torch.distributed.is_initialized():
                torch.distributed.destroy_process_group()
            self._demand_success(self.everyone(said), own)

    def _demand_success(self, said: list[str], own: BaseException | None) -> None:
        """Raises what the first rank to fail has said, unless that is this one; a skip of the class is no failure."""
        failed = [rank for rank in range(self.size) if said[rank]]
        if not failed or isinstance(own, unittest.SkipTest):
            return
        first = min(failed, key=lambda rank: float(said[rank].split()[0]))
        if first != self.rank:
            raise PhaseError(f"rank {first}: {said[first].partition(' ')[2]}")


def _store(host: str, port: int, **settings: Any) -> TCPStore:
    import torch

    store: TCPStore = vars(torch.distributed)["TCPStore"](host, port, **settings)  # which its stubs do not export
    return store


def tasks_of_srun() -> int:
    """As how many tasks SLURM's ``srun`` has started this process; 1 in a batch script, or where torchrun came between.

    They have no store through which they could speak to each other before they train.
    """
    return 1 if "TORCHELASTIC_RUN_ID" in os.environ else int(os.environ.get("SLURM_STEP_NUM_TASKS", "1"))


@cache
def world_of_the_suite() -> World | None:
    """That in which torchrun, or any other elastic launcher of torch, has started this process; ``None`` for none."""
    is_one_of_several = "TORCHELASTIC_RUN_ID" in os.environ and os.environ.get("WORLD_SIZE", "1") != "1"
    return World() if is_one_of_several else None
