"""The lines that ``make bench`` prints."""

from __future__ import annotations

from dataclasses import dataclass

HEAD = "| what | measured | against | ratio |\n| --- | --- | --- | --- |"


@dataclass(frozen=True)
class Line:
    """One comparison of two things that were measured in turn.

    Attributes:
        what: was measured.
        measured: with its unit.
        against: with its name and unit.
        ratio: of the two; or why there is none.
    """

    what: str
    measured: str
    against: str
    ratio: str

    def __str__(self) -> str:
        return f"| {self.what} | {self.measured} | {self.against} | {self.ratio} |"


def milliseconds(seconds: float) -> str:
    """In as many digits as tell something."""
    return f"{1000 * seconds:.3g} ms" if seconds < 1 else f"{seconds:.2f} s"


def line_of_times(what: str, seconds: float, against: str, others: float, digits: int = 3) -> Line:
    """A line of two times, whose ratio has so many digits behind the point."""
    ratio = f"{seconds / others:.{digits}f}"
    return Line(what, milliseconds(seconds), f"{against}: {milliseconds(others)}", ratio)
