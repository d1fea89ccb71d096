"""Measures things in turn, so that what else the machine does falls upon all of them alike.

``python -m benchmarks.measurement MODULE FUNCTION`` runs one in a process of its own and prints as JSON what it took.
"""

from __future__ import annotations

import importlib
import json
import logging
import resource
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Mapping

REPEATS = 3


def in_turn(actions: Mapping[str, Callable[[], float]], repeats: int = REPEATS) -> dict[str, float]:
    """The median of what each action returns; one after the other, and all of them again."""
    found: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(repeats):
        for name, action in actions.items():
            found[name].append(action())
    return {name: statistics.median(values) for name, values in found.items()}


def timed(action: Callable[[], object]) -> float:
    """The seconds that an action takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def in_a_process(module: str, function: str) -> dict[str, float]:
    """What a function returns in a fresh process, and with it ``peak_mib``, the most memory that this process had."""
    command = [sys.executable, "-m", "benchmarks.measurement", module, function]
    finished = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(finished.stdout.splitlines()[-1])
    return found


def be_quiet() -> None:
    """Lets nothing be printed but what was measured."""
    warnings.simplefilter("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


def main() -> None:
    """Runs the function that the command line names."""
    name, function = sys.argv[1:]
    module = importlib.import_module(name)
    be_quiet()  # after Lightning, which sets the level of its logger when it is imported
    found = getattr(module, function)() or {}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**found, "peak_mib": peak}))


if __name__ == "__main__":
    main()
