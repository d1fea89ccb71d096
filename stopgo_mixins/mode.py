"""The three training phases of a stop-and-go test."""

from __future__ import annotations

import enum


class Mode(enum.Enum):
    """Which of the three phases runs.

    Attributes:
        STOP: train, and be interrupted after a checkpoint was written.
        RESUME: build everything anew, load that checkpoint, train to the end.
        CONTINUOUS: train to the end without interruption.
    """

    STOP = "stop"
    RESUME = "resume"
    CONTINUOUS = "continuous"
