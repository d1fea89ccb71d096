"""Puts back every setting of the process that a training phase may change."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from stopgo_mixins.isolation.interpreter_switches import INTERPRETER_SWITCHES
from stopgo_mixins.isolation.numeric_switches import NUMERIC_SWITCHES
from stopgo_mixins.isolation.switch import put_back

SWITCHES = (*INTERPRETER_SWITCHES, *NUMERIC_SWITCHES)


@contextmanager
def preserved_process_state() -> Iterator[None]:
    """Restores random numbers, numeric settings, environment, working directory, signal handlers and the rest."""
    with warnings.catch_warnings(), put_back(SWITCHES):
        yield
