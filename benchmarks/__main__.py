"""Measures what the harness costs: ``make bench`` prints ratios of things measured in one run.

``python -m benchmarks recording imports`` prints these parts of the table only.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

from benchmarks.measurement import REPEATS
from benchmarks.table import HEAD

ROWS = ("comparison", "recording", "memory", "whole_class", "side_by_side", "sweep", "imports", "device")


def main() -> None:
    """Prints the machine and the ratios as a Markdown table, each part measured by a process of its own."""
    chosen = sys.argv[1:] or ROWS
    for name in chosen:
        if name not in ROWS:
            sys.exit(f"There is no {name!r}. There are: {', '.join(ROWS)}.")
    print(f"{_machine()}; medians of {REPEATS} where a line does not say otherwise\n\n{HEAD}", flush=True)
    for name in chosen:
        subprocess.run([sys.executable, "-m", f"benchmarks.rows.{name}"], check=True)


def _machine() -> str:
    import torch  # here: the parts measure what importing costs, and this process is none of them

    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB; Python {platform.python_version()}, "
        f"torch {torch.__version__}, {torch.get_num_threads()} threads"
    )


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


if __name__ == "__main__":
    main()
