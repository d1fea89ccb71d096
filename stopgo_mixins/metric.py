"""What is known of a metric: recorders say it, and the comparison reads it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import ClassVar


class MetricKind(enum.Enum):
    """How the values of a metric read, which decides what a diagnosis looks for in them."""

    COUNTERS = "counters"
    """Numbers to which the same is added again and again, such as steps and samples."""

    SCHEDULE = "schedule"
    """Numbers that follow a plan, such as a learning rate, and the state of what plans them."""

    HYPER_PARAMETERS = "hyper-parameters"
    """The settings of parameter groups, as ``[optimizer][group][name]``."""

    RANDOM_STREAMS = "random streams"
    """States of random number generators, as ``[stream]``."""

    BATCHES = "batches"
    """Training batches, with a row for each sample."""

    VALIDATION_BATCHES = "validation batches"
    """The same of validations."""

    EXPOSURE = "exposure"
    """Which samples were seen how often, whatever their order."""

    VALIDATIONS = "validations"
    """After which updates a validation ran, and over how many batches."""

    LOOP_PROGRESS = "loop progress"
    """Where the trainer's loops are in the running epoch, as ``[counter]``, and as ``['epoch']`` in which."""

    LOGGED = "logged"
    """What the run reports of itself, for a step, a validation or an epoch."""

    SAVED_BY_CALLBACKS = "saved by callbacks"
    """What callbacks would save, as ``[callback][entry]``; that may be what other metrics record."""

    GRADIENTS = "gradients"
    """What was accumulated over the micro-batches of an update."""

    REACHED = "reached"
    """Whatever is found on the way from the run's objects, under the path that leads there."""

    OUTPUTS = "outputs"
    """What a model returned: ``output_tensor_atol`` and ``output_tensor_rtol`` apply."""


class Metric:
    """What a recorder class says of its metric, so that nothing else has to know it.

    Attributes:
        metric: the name: of the metric, of its test and of its file in a trace.
        depends_on: the metrics that it is computed from. Where one of them diverged before, or in the same moment,
            this one follows from it and is no root cause. ``None`` stands for all metrics that say what they depend on.
        at_once: those of ``depends_on`` that explain a *state k* by their own state k: what the one is computed from
            the other for. All other states of one step were restored side by side, and none explains another.
        kinds: how its values read; a diagnosis tries the patterns of each kind in turn.
        changes_in_validation: whether the *state k* may still change in the validation after update k; weights and
            the like do not, they are what the update left.
        decided_before_validation: whether what is recorded in a validation was settled before its first batch.
        indispensable: whether a run cannot be continued without it: where every such state equals that of state 0,
            the resume started from scratch.
        begins_anew: whether it rightly begins anew after an interruption, as the data of each validation do.
        by_reach: whether its values are found by reach and not by name. Then compared is only what changes in the
            continuous run, in states that both runs recorded, and what differs in more than the restored state.
    """

    metric: ClassVar[str]
    depends_on: ClassVar[tuple[str, ...] | None] = None
    at_once: ClassVar[tuple[str, ...]] = ()
    kinds: ClassVar[tuple[MetricKind, ...]] = ()
    changes_in_validation: ClassVar[bool] = False
    decided_before_validation: ClassVar[bool] = False
    indispensable: ClassVar[bool] = False
    begins_anew: ClassVar[bool] = False
    by_reach: ClassVar[bool] = False


Metrics = Mapping[str, type[Metric]]
"""Name -> what is known of the metric."""
