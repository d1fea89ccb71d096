"""Runs one phase on several ranks of this machine, launched by torch's elastic launcher."""

from __future__ import annotations

import faulthandler
import logging
import os
import signal
import sys
import time
import warnings
from typing import TYPE_CHECKING

from stopgo_mixins.isolation.child import carry_out, run_phase
from stopgo_mixins.isolation.ending import Ending, EndingKind, ProcessEnd
from stopgo_mixins.isolation.exit_guard import guarded_exit
from stopgo_mixins.isolation.output import last_lines

if TYPE_CHECKING:
    from torch.distributed.launcher.api import LaunchConfig

    from stopgo_mixins.isolation.request import PhaseRequest

_SECONDS_BETWEEN_LOOKS = 0.02
"""After which the launcher looks again which rank has ended: the others follow soon after the first."""

_SECONDS_FOR_THE_DEAD = 1.0
"""For how long a rank that has failed waits before it ends: its error may be the echo of another rank's death, which
the launcher is to see first."""


_REPORTING = ("torch.distributed.elastic.multiprocessing.api", "torch.multiprocessing.spawn")
"""The launcher's loggers."""


def run_ranks(request: PhaseRequest) -> None:
    """Launches the ranks of a phase, waits for them, and writes down how that ended."""
    carry_out(request, _launch)


def _launch(request: PhaseRequest) -> Ending:
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import elastic_launch

    for name in [name for name in os.environ if name.startswith("PYTEST_")]:
        del os.environ[name]  # no rank is a test, or a worker that runs some
    for name in _REPORTING:
        logging.getLogger(name).disabled = True  # what they say of a failure is said better here
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of forks while the launcher's own threads run
            elastic_launch(_configuration(request), _run_rank)(request)
    except ChildFailedError as failed:
        rank, failure = failed.get_first_failure()
        return _failure(request, rank, failure.exitcode)
    return Ending(EndingKind.FINISHED)


def _configuration(request: PhaseRequest) -> LaunchConfig:
    """Of one machine and one attempt; the launcher's store takes any port that is free."""
    import torch
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
    from torch.distributed.launcher.api import LaunchConfig

    return LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=request.ranks,
        run_id=request.files.name,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        local_addr="localhost",
        max_restarts=0,
        monitor_interval=_SECONDS_BETWEEN_LOOKS,
        # A fork spares each rank the import of torch; CUDA allows none after it was asked whether there is a GPU.
        start_method="spawn" if torch.cuda.is_available() else "fork",
        logs_specs=DefaultLogsSpecs(log_dir=str(request.files.with_name(f"{request.files.name}-launcher"))),
    )


def _run_rank(request: PhaseRequest) -> None:
    """One rank, in its process."""
    _forget_handlers()
    own = request.of_rank(int(os.environ["RANK"]))
    with guarded_exit():
        run_phase(own)
    ending = Ending.read(own.ending)
    if ending is None or ending.kind is not EndingKind.FINISHED:
        time.sleep(_SECONDS_FOR_THE_DEAD)
        os._exit(1)  # whatever threads are still running


def _forget_handlers() -> None:
    """Lets signals do what they do in a new process; the launcher's handlers have been forked with it."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _failure(request: PhaseRequest, rank: int, status: int) -> Ending:
    """How the rank that failed first has ended; if by a signal, this process ends by it, too."""
    own = request.of_rank(rank)
    said = Ending.read(own.ending)
    sys.stdout.write(f"the end of what rank {rank} printed:\n" + "".join(f"{line}\n" for line in last_lines(own.log)))
    if said is not None and said.kind is EndingKind.SKIPPED:
        return said
    problem = ProcessEnd(status).problem(said, None)
    ending = Ending(EndingKind.RAISED, f"rank {rank}: {problem}", said.traceback if said else "")
    if status < 0:
        sys.stdout.flush()
        ending.write(request.ending)
        _end_by(-status)
    return ending


def _end_by(number: int) -> None:
    faulthandler.disable()
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
