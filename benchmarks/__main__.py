"""Measures what the harness costs: ``make bench`` prints ratios of things measured in one run.

Each measurement is a process of its own, alternating between the two sides of a ratio; the medians are compared.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

import lightning
import torch

REPEATS = 3


def main() -> None:
    """Prints the machine and the ratios as a Markdown table."""
    print(f"{_processor()}, {os.cpu_count()} cores, {_memory()}; Python {platform.python_version()}, ", end="")
    print(f"torch {torch.__version__}, Lightning {lightning.__version__}, {torch.get_num_threads()} threads; ", end="")
    print(f"medians of {REPEATS}\n")
    print("| what | measured | against | ratio |\n| --- | --- | --- | --- |")
    harness, phases = _medians("seconds", "with_harness", "bare_phases")
    print(
        f"| time of a class, 4.9 million parameters, AdamW, 100 steps | {harness:.1f} s | its three phases, bare "
        f"{phases:.1f} s | {harness / phases:.2f} |"
    )
    harness, phase = _medians("peak_mib", "with_harness", "bare_phase")
    print(
        f"| peak resident memory of that class | {harness:.0f} MiB | one phase, bare {phase:.0f} MiB "
        f"| {harness / phase:.2f} |"
    )
    apart, together = _medians("seconds", "in_processes", "in_one_process")
    print(
        f"| time of the digits, legs in fresh processes beside the continuous phase | {apart:.2f} s "
        f"| all phases in one process {together:.2f} s | {apart / together:.2f} |"
    )
    traces, tensors = _medians("seconds", "compare_traces", "assert_close")
    print(
        f"| comparing equal traces of 10 steps | {traces * 1000:.1f} ms | recursive torch.testing.assert_close "
        f"{tensors * 1000:.0f} ms | 1/{tensors / traces:.0f} |"
    )


def _medians(quantity: str, *names: str) -> list[float]:
    measured: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(REPEATS):
        for name in names:
            command = [sys.executable, "-W", "ignore", "-m", "benchmarks.measurement", name]
            finished = subprocess.run(command, capture_output=True, text=True, check=True)
            measured[name].append(json.loads(finished.stdout.splitlines()[-1])[quantity])
    return [statistics.median(values) for values in measured.values()]


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _memory() -> str:
    return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"


if __name__ == "__main__":
    main()
