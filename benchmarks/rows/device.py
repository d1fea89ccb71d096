"""What digests cost on a GPU."""

from __future__ import annotations

import torch

from benchmarks.table import Line


def main() -> None:
    """Prints the lines, or that there is no GPU."""
    if not torch.cuda.is_available():
        print(Line("digests on a GPU: bandwidth, bytes over the bus", "not run", "", "this machine has no GPU"))


if __name__ == "__main__":
    main()
