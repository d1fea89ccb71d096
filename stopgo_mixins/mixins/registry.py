"""The callback registry: which recorder listens in which phase."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from typing_extensions import final

from stopgo_mixins.metric import Metric
from stopgo_mixins.mixins.did_you_mean import did_you_mean
from stopgo_mixins.mixins.metric_declaration import check_declaration, check_name
from stopgo_mixins.mode import Mode
from stopgo_mixins.recorders.defaults import DEFAULT_RECORDERS
from stopgo_mixins.recorders.recorder import Recorder

Callbacks = dict[Mode, dict[type, object]]
"""Phase -> callback type -> the callback of that type."""


def get_callback(callbacks: Callbacks, mode: Mode, callback_type: type) -> Any:
    """Returns the callback of a type in a phase, from the registry of a test class.

    Raises:
        KeyError: when there is none, naming those that there are.
    """
    try:
        return callbacks[mode][callback_type]
    except KeyError:
        known = ", ".join(sorted(known.__name__ for known in callbacks.get(mode, {})))
        raise KeyError(f"no {callback_type.__name__} is registered for {mode}; there are: {known}") from None


class CallbackRegistryMixin:
    """Owns the registry of callbacks.

    Attributes:
        metrics: adds, replaces or (with ``None``) removes metrics; merged over the MRO, the nearest class wins.
        callbacks: the registry, made in ``setUpClass`` by :meth:`get_default_callbacks`.
        trainer_callback: the base class that the trainer demands of its callbacks.
    """

    metrics: ClassVar[Mapping[str, type[Recorder] | None]] = {}
    callbacks: ClassVar[Callbacks]
    trainer_callback: ClassVar[type] = object

    @classmethod
    def get_default_callbacks(cls) -> Callbacks:
        """Returns the registry with one recorder per metric and phase; a subclass calls ``super()`` and adds."""
        recorders = cls.recorder_types().values()
        return {mode: {recorder: cls.make_recorder(recorder) for recorder in recorders} for mode in Mode}

    @classmethod
    def make_recorder(cls, recorder: type[Recorder]) -> Recorder:
        """An instance of the recorder that the trainer accepts as a callback."""
        if issubclass(recorder, cls.trainer_callback):
            return recorder()
        made: Recorder = type(recorder.__name__, (recorder, cls.trainer_callback), {"only_listens": True})()
        return made

    @classmethod
    @final
    def recorder_types(cls) -> dict[str, type[Recorder]]:
        """The metrics of this class with their recorders.

        Raises:
            TypeError: for an unknown name, a recorder that records another metric, or one that says something of its
                metric that cannot be.
        """
        merged = cls._merged_metrics()
        recorders = {metric: recorder for metric, recorder in merged.items() if recorder is not None}
        for metric, recorder in recorders.items():
            check_declaration(f"{cls.__name__}.metrics[{metric!r}]", recorder, merged)
        return recorders

    @classmethod
    @final
    def known_metrics(cls) -> dict[str, type[Metric]]:
        """What the recorders say of their metrics, those included that only ``get_default_callbacks`` adds."""
        return {**cls.recorder_types(), **{recorder.metric: recorder for recorder in _recorders_in(cls.callbacks)}}

    @classmethod
    def _make_callbacks(cls) -> Callbacks:
        """What ``get_default_callbacks`` returns, once its recorders are found to be in order.

        Raises:
            TypeError: for a name that is taken, or for something said of a metric that cannot be.
        """
        callbacks: Callbacks = super()._make_callbacks()  # type: ignore[misc]  # of the phases
        where, registered = f"{cls.__name__}.get_default_callbacks", _recorders_in(callbacks)
        for recorder in registered:
            check_name(where, recorder)
        known = {*cls._merged_metrics(), *(recorder.metric for recorder in registered)}
        for recorder in registered:
            check_declaration(where, recorder, known)
        return callbacks

    @classmethod
    def _merged_metrics(cls) -> dict[str, type[Recorder] | None]:
        """Those that were removed included: what is computed from them may still say so."""
        merged: dict[str, type[Recorder] | None] = dict(DEFAULT_RECORDERS)
        for base in reversed(cls.__mro__):
            for metric, recorder in base.__dict__.get("metrics", {}).items():
                _check_metric(cls, metric, recorder, merged)
                merged[metric] = recorder
        return merged


def _recorders_in(callbacks: Callbacks) -> list[type[Recorder]]:
    registered = (callback for of_mode in callbacks.values() for callback in of_mode.values())
    return [type(callback) for callback in registered if isinstance(callback, Recorder)]


def _check_metric(cls: type, metric: str, recorder: object, known: Mapping[str, object]) -> None:
    where = f"{cls.__name__}.metrics[{metric!r}]"
    if recorder is None:
        if metric not in known:
            raise TypeError(f"{where} = None removes a metric that does not exist.{did_you_mean(metric, known)}")
    elif not (isinstance(recorder, type) and issubclass(recorder, Recorder)):
        raise TypeError(f"{where} is {recorder!r}: give a subclass of Recorder, or None to remove the metric.")
    elif getattr(recorder, "metric", None) != metric:
        raise TypeError(
            f"{where}: {recorder.__name__}.metric is {getattr(recorder, 'metric', None)!r}; it must be {metric!r}."
        )
    else:
        check_name(where, recorder)
