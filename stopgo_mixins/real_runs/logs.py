"""The logs of runs that left nothing else behind: CSV files, and TensorBoard's event files."""

from __future__ import annotations

import csv
import importlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from stopgo_mixins.exceptions import TraceError

Log = dict[int, dict[str, list[float]]]
"""Step -> name -> the values that were logged under that step, in the order in which they were."""

_EVENTS = "events.out.tfevents"
_CSV = "metrics.csv"


def is_log(path: Path) -> bool:
    """Whether a path is a log, or a directory that holds one and no trace."""
    return path.suffix == ".csv" or _EVENTS in path.name or bool(_logs_in(path))


def _logs_in(directory: Path) -> list[Path]:
    return [*directory.glob(_CSV), *directory.glob(f"{_EVENTS}*")]


def read_log(path: Path) -> Log:
    """The values of a log.

    Args:
        path: a CSV file with a column ``step``, as Lightning's ``CSVLogger`` writes it, an event file of TensorBoard,
            or a directory that holds such a file.

    Raises:
        TraceError: when it cannot be read.
    """
    if path.is_dir():
        csv_files = list(path.glob(_CSV))
        return read_log(csv_files[0]) if csv_files else _collected(_events(path))
    return _collected(_rows(path) if path.suffix == ".csv" else _events(path))


def _collected(values: Iterator[tuple[int, str, float]]) -> Log:
    log: Log = defaultdict(lambda: defaultdict(list))
    for step, name, value in values:
        log[step][name].append(value)
    return dict(sorted(log.items()))


def _rows(path: Path) -> Iterator[tuple[int, str, float]]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        if "step" not in (rows.fieldnames or ()):
            raise TraceError(f"{path} has no column 'step', by which two logs could be compared.")
        for row in rows:
            step = int(float(row.pop("step")))
            yield from ((step, name, float(value)) for name, value in row.items() if value)


def _events(path: Path) -> Iterator[tuple[int, str, float]]:
    try:
        tensorboard = importlib.import_module("tensorboard.backend.event_processing.event_accumulator")
    except ImportError:
        raise TraceError(f"{path} is a log of TensorBoard: install the package tensorboard to read it.") from None
    events = tensorboard.EventAccumulator(str(path), size_guidance={"scalars": 0})
    events.Reload()
    for name in events.Tags()["scalars"]:
        yield from ((event.step, name, event.value) for event in events.Scalars(name))
