"""Checks a test class when it is created, so that a mistake speaks before anything is trained."""

from __future__ import annotations

import inspect
import unittest
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from stopgo_mixins.comparison.declared import Declarations, DeclaredDivergence
from stopgo_mixins.comparison.tolerance import Tolerance
from stopgo_mixins.interruption import AfterValidation, AmidAccumulation, AtStep, InsideValidation, Interruption
from stopgo_mixins.metric import MetricKind, Metrics
from stopgo_mixins.mixins.did_you_mean import did_you_mean
from stopgo_mixins.spelling import is_ours

_Value = TypeVar("_Value")


def check_order_of_bases(cls: type, mixin: type) -> None:
    """Demands that the mixin's ``setUpClass`` is found before TestCase's.

    Raises:
        TypeError: naming the right order.
    """
    mro = cls.__mro__
    if unittest.TestCase not in mro or mro.index(mixin) < mro.index(unittest.TestCase):
        return
    names = [base.__name__ for base in cls.__bases__]
    right = sorted(cls.__bases__, key=lambda base: issubclass(base, unittest.TestCase) and not issubclass(base, mixin))
    raise TypeError(
        f"class {cls.__name__}({', '.join(names)}): TestCase stands before the mixin, so setUpClass would never run a "
        f"phase. Write class {cls.__name__}({', '.join(base.__name__ for base in right)})."
    )


def check_was_checked(cls: type, mixin: type, mark: str) -> None:
    """Demands that the mixin's ``__init_subclass__`` has left its mark.

    Raises:
        TypeError: naming the base that keeps it from being called.
    """
    if mark in vars(cls):
        return
    nearer = cls.__mro__[1 : cls.__mro__.index(mixin)]
    legacy = next((base.__name__ for base in nearer if "__init_subclass__" in vars(base)), "a base")
    raise TypeError(
        f"{cls.__name__} was not checked, got no tests, and no training phase has run: __init_subclass__ of {legacy} "
        "does not call super().__init_subclass__(**kwargs). Add that call, or let the mixin stand before it."
    )


def check_attributes(cls: Any) -> None:
    """Demands what a concrete class must define.

    Raises:
        TypeError: naming the class, the attribute, what was found and what to write instead.
    """
    _check_number(cls, "num_steps", 2, "12")
    if cls.val_check_interval is not None:
        _check_number(cls, "val_check_interval", 1, "4")
    _check_number(cls, "value_budget", 0, "64 * 2**20")
    _check_isolation(cls)
    _check_hooks(cls)
    _check_interruption(cls)


def _check_number(cls: Any, name: str, least: int, example: str) -> None:
    value = getattr(cls, name, None)
    if isinstance(value, int) and not isinstance(value, bool) and value >= least:
        return
    found = "is not defined" if value is None else f"is {value!r}"
    raise TypeError(
        f"{cls.__name__}.{name} {found}: write {name} = {example} (an integer of at least {least}) in the class. "
        "A base class without tests of its own is written class Base(Mixin, abstract=True)."
    )


def _check_isolation(cls: Any) -> None:
    if cls.isolation not in ("process", "in_process"):
        raise TypeError(f"{cls.__name__}.isolation is {cls.isolation!r}: write 'process' or 'in_process'.")
    limit = cls.phase_timeout
    if limit is not None and (not isinstance(limit, int | float) or isinstance(limit, bool) or limit <= 0):
        raise TypeError(f"{cls.__name__}.phase_timeout is {limit!r}: write a number of seconds above 0, or None.")
    _check_number(cls, "devices", 1, "2")
    if cls.resume_devices is not None:
        _check_another_world(cls)
    further = [name for name in ("noise_floor", "cold_start", "zoom") if getattr(cls, name)]
    if further and (ranks := cls._several_ranks()):
        raise TypeError(
            f"{cls.__name__}.{ranks}, and a further run is made on one rank, in the process of the "
            f"tests: remove {' and '.join(further)}, or write devices = 1 without resume_devices."
        )


def _check_another_world(cls: Any) -> None:
    """Demands that the world changes once, and between two updates: what all ranks have together is theirs only then.

    Raises:
        TypeError: naming the interruption.
    """
    _check_number(cls, "resume_devices", 1, "2")
    if cls.interruptions:
        raise TypeError(
            f"{cls.__name__}.resume_devices is {cls.resume_devices}, and interruptions would resume the run more than "
            "once, the second time from what another world has computed: write interruption = AtStep(k)."
        )
    if isinstance(cls.interruption, InsideValidation | AmidAccumulation):
        raise TypeError(
            f"{cls.__name__}.resume_devices is {cls.resume_devices}, and {cls.interruption} would cut in two what the "
            "ranks of either world share among them: write interruption = AtStep(k)."
        )


def _check_hooks(cls: Any) -> None:
    """Demands one of the hooks by which a class says what it trains."""
    if any(name in vars(base) for base in cls.__mro__ if not is_ours(base) for name in cls._what_is_trained):
        return
    name, example = next(iter(cls._what_is_trained.items()))
    arguments = ", ".join(inspect.signature(inspect.getattr_static(cls, name).__func__).parameters)
    raise TypeError(
        f"{cls.__name__} does not define {name}. Write:\n\n    @classmethod\n    def {name}({arguments}):\n"
        f"        {example}\n\nA base class without tests of its own is written class Base(Mixin, abstract=True)."
    )


def _check_interruption(cls: Any) -> None:
    chain = cls.interruptions
    if not isinstance(chain, tuple):
        raise TypeError(f"{cls.__name__}.interruptions is {chain!r}: write a tuple, such as (AtStep(3), AtStep(6)).")
    for number, interruption in enumerate(cls._all_interruptions()):
        _check_place(cls, f"interruptions[{number}]" if chain else "interruption", interruption)
    steps = [interruption.step for interruption in chain if isinstance(interruption, AtStep)]
    if steps != sorted(set(steps)):
        raise TypeError(
            f"{cls.__name__}.interruptions are at the steps {', '.join(map(str, steps))}: each must come after the one "
            "before, whose checkpoint the run is resumed from."
        )


def _check_place(cls: Any, attribute: str, interruption: object) -> None:
    if not isinstance(interruption, Interruption):
        raise TypeError(
            f"{cls.__name__}.{attribute} is {interruption!r}: write AfterValidation(), AtStep(k), or another "
            "Interruption."
        )
    if interruption.only_of is not None and interruption.only_of not in {base.__name__ for base in cls.__mro__}:
        raise TypeError(
            f"{cls.__name__}.{attribute} is {interruption}, which would never be due: only {interruption.only_of} can "
            "carry it out. Write AtStep(k, by=signal.SIGTERM) for a signal that your trainer answers, or any other "
            "Interruption."
        )
    if isinstance(interruption, AtStep) and interruption.step + interruption.past >= cls.num_steps:
        past = f", past={interruption.past}" if interruption.past else ""
        raise TypeError(
            f"{cls.__name__}.{attribute} = AtStep({interruption.step}{past}) leaves nothing to resume: num_steps is "
            f"{cls.num_steps}, so the step must be at most {cls.num_steps - 1 - interruption.past}."
        )
    if isinstance(interruption, AfterValidation | InsideValidation) and cls.val_check_interval is None:
        where = "inside" if interruption.inside_validation else "after"
        raise TypeError(
            f"{cls.__name__} is to be interrupted {where} a validation, but val_check_interval is not defined: write "
            f"val_check_interval = 4 (training batches), or {attribute} = AtStep(k)."
        )


def merged_tolerances(cls: Any, metrics: Metrics) -> dict[str, Tolerance]:
    """The tolerances of a class, merged over its MRO.

    Raises:
        TypeError: for an unknown metric, a value that is no Tolerance, or only one of the two output tolerances.
    """
    given = _merged(cls, "tolerances", _tolerance, "Tolerance(rtol=..., atol=...)", metrics)
    return {**_output_tolerances(cls, metrics), **given}


def _tolerance(value: object) -> Tolerance | None:
    return value if isinstance(value, Tolerance) else None


def merged_declarations(cls: Any, metrics: Mapping[str, object]) -> Declarations:
    """The declared divergences of a class, merged over its MRO; the nearest class that names a metric has its say.

    Raises:
        TypeError: for an unknown metric, a value that holds anything but declarations, or a step that the run does not
            make.
    """
    example = "DeclaredDivergence(paths=..., from_step=..., cause=..., reference=...), or several of them in a tuple"
    given = _merged(cls, "declared", _declarations, example, metrics)
    for metric, declarations in given.items():
        latest = max(declared.from_step for declared in declarations)
        if latest > cls.num_steps:
            raise TypeError(
                f"{cls.__name__}.declared[{metric!r}] diverges from step {latest} on, but num_steps is "
                f"{cls.num_steps}: write a step that the run makes."
            )
    return given


def _declarations(value: object) -> tuple[DeclaredDivergence, ...] | None:
    several = tuple(value) if isinstance(value, tuple | list) else (value,)
    declarations = tuple(each for each in several if isinstance(each, DeclaredDivergence))
    return declarations if declarations and len(declarations) == len(several) else None


def merged_left_out(cls: Any, metrics: Metrics) -> dict[str, dict[str, str]]:
    """What a class leaves out, and what it says nobody need save, merged over its MRO.

    Raises:
        TypeError: for an unknown metric, one that is found by reach, or a path without a reason.
    """
    example = "{\"['values']['epoch_loss']\": 'why it is not recorded'}"
    merged: dict[str, dict[str, str]] = {}
    for where, metric, paths in _given(cls, "left_out", example, metrics):
        if metrics[metric].by_reach:
            raise TypeError(f"{where}: what nobody need save is written unsaved = {paths!r}.")
        merged[metric] = {**merged.get(metric, {}), **_with_reasons(where, paths, example)}
    unsaved = {"model.cache": "why nobody need save it"}
    for base in reversed(cls.__mro__):
        paths = _with_reasons(f"{cls.__name__}.unsaved", vars(base).get("unsaved", {}), str(unsaved))
        for metric in (name for name, about in metrics.items() if about.by_reach and paths):
            merged[metric] = {**merged.get(metric, {}), **paths}
    return merged


def _with_reasons(where: str, paths: object, example: str) -> Mapping[str, str]:
    if not isinstance(paths, Mapping) or not all(isinstance(why, str) and why for why in paths.values()):
        raise TypeError(f"{where} is {paths!r}: write {example}, with a reason for each path.")
    return paths


def _merged(
    cls: Any, attribute: str, read: Callable[[object], _Value | None], example: str, metrics: Mapping[str, object]
) -> dict[str, _Value]:
    """A mapping by metric, the nearest class winning; ``read`` returns ``None`` for what cannot be a value of it."""
    merged: dict[str, _Value] = {}
    for where, metric, value in _given(cls, attribute, example, metrics):
        found = read(value)
        if found is None:
            raise TypeError(f"{where} is {value!r}: write {example}.")
        merged[metric] = found
    return merged


def _given(cls: Any, attribute: str, example: str, metrics: Mapping[str, object]) -> Iterator[tuple[str, str, object]]:
    """Yields where something is given, of which metric and what, the nearest class last."""
    for base in reversed(cls.__mro__):
        given = vars(base).get(attribute, {})
        if not isinstance(given, Mapping):
            raise TypeError(f"{cls.__name__}.{attribute} is {given!r}: write {attribute} = {{metric: {example}}}.")
        for metric, value in given.items():
            where = f"{cls.__name__}.{attribute}[{metric!r}]"
            if metric not in metrics:
                raise TypeError(f"{where}: there is no such metric.{did_you_mean(metric, metrics)}")
            yield where, metric, value


def _output_tolerances(cls: Any, metrics: Metrics) -> dict[str, Tolerance]:
    given = {name: getattr(cls, name) for name in ("output_tensor_atol", "output_tensor_rtol")}
    missing = [name for name, value in given.items() if value is None]
    if len(missing) == 1:
        raise TypeError(f"{cls.__name__}: {missing[0]} is None but the other one is given; give both or neither.")
    if missing:
        return {}
    tolerance = Tolerance(rtol=given["output_tensor_rtol"], atol=given["output_tensor_atol"])
    outputs = (metric for metric, about in metrics.items() if MetricKind.OUTPUTS in about.kinds)
    return {} if tolerance.is_bitwise else dict.fromkeys(outputs, tolerance)
