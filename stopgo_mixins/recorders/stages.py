"""The metrics that a stage of the training loop reads, for recorders to depend on."""

from __future__ import annotations

FORWARD_PASS = ("rng_state", "parameters", "buffers", "extra_state", "unsaved_state")
"""With the batch, these make the outputs."""

UPDATE = ("gradients", "learning_rate", "param_groups", "optimizer_state", "precision_state", "unsaved_state")
"""These make the next weights."""

LOSSES = ("train_loss", "valid_loss")
"""What may steer a schedule or a callback."""
