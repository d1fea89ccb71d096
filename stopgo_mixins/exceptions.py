"""What can go wrong, by name."""

from __future__ import annotations


class StopAndGoException(Exception):  # noqa: N818 - an interruption is not an error; the name is the field's own
    """Raised by the bridge to end the stop phase once its checkpoint is written."""


class PhaseError(RuntimeError):
    """A training phase failed, or did not do what its name promises."""


class BridgeError(RuntimeError):
    """A bridge left out a call, or made one out of turn: what it tells of its trainer is not the whole story."""


class TraceError(RuntimeError):
    """A trace cannot be written or read as it stands."""
