"""What importing costs."""

from __future__ import annotations

import functools
import subprocess
import sys

from benchmarks.measurement import in_turn, timed
from benchmarks.table import Line, milliseconds

REPEATS = 5

_PACKAGE = "import stopgo_mixins"
_LIGHTNING = "import lightning.pytorch"
_MIXIN = "from stopgo_mixins import LightningStopAndGoMixin"


def main() -> None:
    """Prints the lines; whole processes are timed."""
    codes = ("pass", _PACKAGE, _LIGHTNING, _MIXIN)
    found = in_turn({code: functools.partial(_seconds, code) for code in codes}, REPEATS)
    for code, against in ((_PACKAGE, "pass"), (_MIXIN, _LIGHTNING)):
        more = milliseconds(found[code] - found[against])
        print(
            Line(
                f"`python -c {code!r}`, medians of {REPEATS}",
                milliseconds(found[code]),
                f"`python -c {against!r}`: {milliseconds(found[against])}",
                f"{found[code] / found[against]:.3f} ({more} more)",
            )
        )


def _seconds(code: str) -> float:
    return timed(lambda: subprocess.run([sys.executable, "-c", code], check=True, stderr=subprocess.DEVNULL))


if __name__ == "__main__":
    main()
