"""All that a fresh process needs to build and run a phase."""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stopgo_mixins.isolation.class_location import ClassLocation
from stopgo_mixins.isolation.process_settings import ProcessSettings
from stopgo_mixins.mode import Mode


@dataclass(frozen=True)
class PhaseRequest:
    """One leg of one test class, to be run by a fresh process; picklable.

    Attributes:
        location: where the class is found.
        settings: what the process takes over.
        mode: which phase.
        leg: the number of the leg.
        attributes: what the class had been given before its first phase, each pickled by itself.
        ranks: how many processes train together.
        files: the beginning of the names of what the process writes: what it prints, how it ended, where it hung.
    """

    location: ClassLocation
    settings: ProcessSettings
    mode: Mode
    leg: int
    attributes: Mapping[str, bytes]
    ranks: int
    files: Path

    @property
    def log(self) -> Path:
        """What the process prints."""
        return self.files.with_suffix(".log")

    @property
    def stacks(self) -> Path:
        """The stack of every thread, if the process hangs."""
        return self.files.with_suffix(".stacks")

    @property
    def ending(self) -> Path:
        """How the phase ended; there is none if the process died before it could say."""
        return self.files.with_suffix(".ending")

    def of_rank(self, rank: int) -> PhaseRequest:
        """That of one of several ranks, whose files stand beside the others'; to be run where that rank runs."""
        here = replace(self.settings, environment=dict(os.environ))  # with what the launcher tells this rank
        return replace(self, settings=here, files=self.files.with_name(f"{self.files.name}-rank-{rank}"))

    def find_class(self) -> Any:
        """The class, given copies of the attributes.

        Raises:
            LookupError: when it cannot be found.
        """
        found = self.location.find()
        for name, value in self.attributes.items():
            setattr(found, name, pickle.loads(value))
        return found


def pickled(attributes: Mapping[str, object]) -> dict[str, bytes]:
    """Those of some attributes that can be pickled; a phase that misses another one says so itself."""
    found = {}
    for name, value in attributes.items():
        try:
            found[name] = pickle.dumps(value)
        except Exception:  # noqa: PERF203 - whatever a user's __reduce__ raises
            continue
    return found
