"""The fault of what the user's objects keep in plain attributes, and save by hand."""

from __future__ import annotations

import contextlib
import copy
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from torch import nn

from stopgo_mixins.comparison.diagnosis.cause import Cause
from stopgo_mixins.faults.disturbance import Disturbance
from stopgo_mixins.faults.fault import Fault, NotApplicable, Point, Symptom
from stopgo_mixins.faults.injections import Disturb
from stopgo_mixins.recorders.unsaved import UnsavedStateRecorder
from stopgo_mixins.trace.objects import attributes_of
from stopgo_mixins.trace.snapshot import Unreadable, snapshot

if TYPE_CHECKING:
    from stopgo_mixins.events import TrainingState
    from stopgo_mixins.faults.stopped_run import StoppedRun

_ATTRIBUTE = re.compile(r"\.([A-Za-z]\w*)")
"""A step of a path to an attribute of the user's; others begin with an underscore, or lead into containers."""


class AttributesLost(Disturbance):
    """Gives attributes that the checkpoint brought back the values with which they were built."""

    def phase_start(self, state: TrainingState) -> None:
        """Everything is built, nothing is loaded."""
        self._digests = _digests(state)
        self._built: dict[tuple[int, str], object] = {}
        for owner, name in _owners(state.roots(), self._digests):
            with contextlib.suppress(Exception):  # what cannot be copied is left as it is
                self._built[id(owner), name] = copy.deepcopy(attributes_of(owner)[name])

    def disturb(self, state: TrainingState) -> None:
        """Puts them back.

        Raises:
            RuntimeError: where there is none that could be.
        """
        restored = _digests(state)
        changed = [path for path, digest in restored.items() if self._digests.get(path) != digest]
        owners = [place for place in _owners(state.roots(), changed) if (id(place[0]), place[1]) in self._built]
        if not owners:
            raise RuntimeError(f"none of what differs from how it was built is an attribute: {', '.join(changed)}")
        for owner, name in owners:
            setattr(owner, name, self._built[id(owner), name])


def _digests(state: TrainingState) -> dict[str, str]:
    reached = snapshot(UnsavedStateRecorder().read(state))
    return {path: leaf.digest for path, leaf, _ in reached if not isinstance(leaf, Unreadable)}


def _owners(roots: Mapping[str, object], paths: Iterable[str]) -> Iterator[tuple[object, str]]:
    """Yields ``(owner, name)`` of the last attribute on the way to each path, before it leads into a container."""
    for path in paths:
        root = max((name for name in roots if path.startswith(name)), key=len)
        owner, name, rest = roots[root], "", path[len(root) :]
        while step := _ATTRIBUTE.match(rest):
            owner, name, rest = (_part(owner, name) if name else owner), step[1], rest[step.end() :]
        if name in attributes_of(owner):
            yield owner, name


def _part(owner: object, name: str) -> object:
    """An attribute, or a child of a module."""
    children = dict(owner.named_children()) if isinstance(owner, nn.Module) else {}
    return children.get(name, attributes_of(owner).get(name))


def _require(run: StoppedRun) -> None:
    began, restored = (run.digests("unsaved_state", step) for step in (0, run.resume_point))
    if began == restored:
        reason = "apart from what has a metric of its own, nothing that is reached has changed before the resume point"
        raise NotApplicable(reason)
    run.saved.require_parts_before_loading()


ATTRIBUTES_LOST = Fault(
    id="F75",
    name="attributes back at their start",
    what="what your objects keep in plain attributes begins anew",
    injection=Disturb(AttributesLost, _require),
    symptoms=(Symptom("unsaved_state", Point.RESTORED),),
    causes=(Cause.UNSAVED_STATE,),
)
