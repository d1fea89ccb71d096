"""Where the legs of a real run lie: each start of the run makes the next directory."""

from __future__ import annotations

from pathlib import Path

from stopgo_mixins.exceptions import TraceError

_LEG = "leg-"


def leg_directory(directory: Path, number: int) -> Path:
    """Where a leg of the run in ``directory`` lies, the first being number 0."""
    return directory / f"{_LEG}{number}"


def legs_in(directory: Path) -> list[Path]:
    """The directories of the legs of a run, in the order in which they began."""
    numbers = (path.name.removeprefix(_LEG) for path in directory.glob(f"{_LEG}*"))
    return [leg_directory(directory, number) for number in sorted(int(each) for each in numbers if each.isdecimal())]


def traces_in(directory: Path) -> list[Path]:
    """The traces that a path stands for: itself, or those of the legs of a run.

    Raises:
        TraceError: when there is none.
    """
    found = [directory] if any(directory.glob("rank-*")) else legs_in(directory)
    if not found:
        raise TraceError(f"{directory} holds no trace: neither ranks (rank-0, ...) nor legs of a run (leg-0, ...).")
    return found
