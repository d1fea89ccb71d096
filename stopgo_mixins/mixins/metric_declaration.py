"""Checks what a recorder says of its metric before anything is trained."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from stopgo_mixins.metric import MetricKind
from stopgo_mixins.mixins.did_you_mean import did_you_mean
from stopgo_mixins.mixins.generated_tests import OF_A_CONTROL_ARM, OF_A_SHARED_PROCESS, OF_THE_RUN
from stopgo_mixins.trace.store import OWN_FILES

if TYPE_CHECKING:
    from stopgo_mixins.metric import Metric


def check_name(where: str, recorder: type[Metric]) -> None:
    """Demands a name that can be that of a test and of a file.

    Args:
        where: what to name in the message: where the recorder was given.
        recorder: which one.

    Raises:
        TypeError: saying what to write.
    """
    name = getattr(recorder, "metric", None)
    said = f"{where}: {recorder.__name__}.metric"
    if name is None:
        raise TypeError(f'{said} is not defined: write metric = "..." in {recorder.__name__}.')
    if not isinstance(name, str) or not name.isidentifier():
        raise TypeError(
            f"{said} is {name!r}, but it names a test and a file, so it may hold only letters, digits and underscores: "
            f'write metric = "{_as_identifier(name)}".'
        )
    if taken := _taken_by(name):
        raise TypeError(f'{said} is {name!r}, which is the name of {taken}: write metric = "{name}_recorded".')


def _as_identifier(name: object) -> str:
    letters = re.sub(r"\W+", "_", str(name)).strip("_")
    return letters if letters.isidentifier() else f"my_{letters or 'metric'}"


def _taken_by(name: str) -> str | None:
    if name in OF_THE_RUN:
        return f"a test that every class has, test_{name}"
    if name == OF_A_SHARED_PROCESS:
        return f"the test of phases that share a process, test_{name}"
    if name in OF_A_CONTROL_ARM:
        return f"the test of {OF_A_CONTROL_ARM[name]}, test_{name}"
    return "a file that every trace has" if name in OWN_FILES else None


def check_declaration(where: str, recorder: type[Metric], known: Iterable[str]) -> None:
    """Demands that what a recorder says of its metric can be.

    Args:
        where: what to name in the message: where the recorder was given.
        recorder: which one.
        known: the names of all metrics that it may depend on.

    Raises:
        TypeError: for an unknown metric in ``depends_on``, one in ``at_once`` that is not in ``depends_on``, a kind
            that there is not, or anything that is no tuple.
    """
    known = set(known)
    for parent in _members(where, recorder, "depends_on"):
        if parent not in known:
            unknown = f"names {parent!r}, and there is no such metric"
            raise TypeError(f"{where}: {recorder.__name__}.depends_on {unknown}.{did_you_mean(str(parent), known)}")
    for parent in _members(where, recorder, "at_once"):
        if parent not in (recorder.depends_on or ()):
            raise TypeError(
                f"{where}: {recorder.__name__}.at_once names {parent!r}, which depends_on does not: add it there."
            )
    for kind in _members(where, recorder, "kinds"):
        if not isinstance(kind, MetricKind):
            names = ", ".join(f"MetricKind.{kind.name}" for kind in MetricKind)
            raise TypeError(f"{where}: {recorder.__name__}.kinds holds {kind!r}: choose among {names}.")


def _members(where: str, recorder: type[Metric], attribute: str) -> tuple[object, ...]:
    value: object = getattr(recorder, attribute)
    if value is None and attribute == "depends_on":
        return ()
    if isinstance(value, tuple):
        return value
    example = f"({value!r},)" if isinstance(value, str | MetricKind) else "(..., ...)"
    raise TypeError(f"{where}: {recorder.__name__}.{attribute} is {value!r}: write a tuple, {attribute} = {example}.")
