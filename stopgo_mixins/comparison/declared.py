"""Divergences that a class knows of."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.diagnosis.cause import Cause
from stopgo_mixins.comparison.wording import listed

if TYPE_CHECKING:
    from stopgo_mixins.comparison.compare import Comparison
    from stopgo_mixins.comparison.findings import Findings

WHATEVER_FOLLOWS = "*"
"""At the end of a path: it stands for all that begin with what stands before."""


@dataclass(frozen=True, kw_only=True)
class DeclaredDivergence:
    """Says which paths of a metric diverge, from where on, and why.

    The metric's test then passes only if they do, and no other path of it: without a divergence, with an earlier or a
    later one, or with another cause it fails.

    Args:
        paths: as messages show them, such as ``"['net.0.weight']"``; ``"['net.*"`` stands for all that begin so,
            ``"*"`` for all of the metric, and ``""`` for a recorded value that has no parts. Each must diverge.
        from_step: the step k of the *state k* or *behaviour k* in which any of them differs first.
        cause: the cause that the diagnosis names for it, or for the root cause that it follows from; ``None`` where no
            known pattern fits.
        reference: where the reason is written down, such as the number of an issue and a version.

    Raises:
        ValueError: for no paths, a negative step, an unknown cause or an empty reference.
    """

    paths: Sequence[str]
    from_step: int
    cause: str | None = None
    reference: str

    def __post_init__(self) -> None:
        if not self.paths or isinstance(self.paths, str) or not all(isinstance(path, str) for path in self.paths):
            raise ValueError(
                f"DeclaredDivergence(paths={self.paths!r}): name the paths that differ as the message shows them, for "
                'example paths=("[\'net.0.weight\']", "[\'head.*"), or all of the metric: paths=("*",).'
            )
        if not isinstance(self.from_step, int) or isinstance(self.from_step, bool) or self.from_step < 0:
            raise ValueError(f"DeclaredDivergence(from_step={self.from_step!r}): a step is an integer of at least 0.")
        known = [str(cause) for cause in Cause]
        if self.cause is not None and self.cause not in known:
            close = difflib.get_close_matches(str(self.cause), known, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise ValueError(
                f"DeclaredDivergence(cause={self.cause!r}): no such cause.{hint} Known: {', '.join(known)}."
            )
        if not self.reference:
            raise ValueError(f"DeclaredDivergence(reference={self.reference!r}): say where the reason is written down.")

    def covers(self, path: str) -> bool:
        """Whether a path is one of those that it names."""
        return any(_matches(pattern, path) for pattern in self.paths)

    def __str__(self) -> str:
        why = "without a known cause" if self.cause is None else f"because of {str(self.cause)!r}"
        return f"declared to diverge in {listed(self.paths)} from step {self.from_step} on {why} ({self.reference})"


Declarations = Mapping[str, Sequence[DeclaredDivergence]]
"""Metric -> what is declared of it."""


def _matches(pattern: str, path: str) -> bool:
    if pattern.endswith(WHATEVER_FOLLOWS):
        return path.startswith(pattern.removesuffix(WHATEVER_FOLLOWS))
    return path == pattern


def declaration_problem(
    declarations: Sequence[DeclaredDivergence], comparison: Comparison, findings_with: Callable[[Comparison], Findings]
) -> str | None:
    """In what a metric is not as it was declared; ``None`` where it is.

    Args:
        declarations: all of the metric; at least one.
        comparison: of the metric.
        findings_with: what the run shows if a part of the comparison were all that differs in the metric.
    """
    problems = (_problem(declared, comparison, findings_with) for declared in declarations)
    return next(filter(None, problems), None) or _undeclared(declarations, comparison)


def _problem(
    declared: DeclaredDivergence, comparison: Comparison, findings_with: Callable[[Comparison], Findings]
) -> str | None:
    part = comparison.only(declared.covers)
    if part.first is None:
        others = f", which it does elsewhere: {listed(comparison.differing_paths)}" if comparison.mismatches else ""
        return f"{declared}, but it does not diverge{others}: remove the declaration"
    for pattern in declared.paths:
        if not any(_matches(pattern, path) for path in part.differing_paths):
            return f"{declared}, but nothing diverges in {listed([pattern])}: remove it from paths"
    step = part.first.key.step
    if step != declared.from_step:
        when = "earlier" if step < declared.from_step else "later"
        return f"{declared}, but it diverges {when}: from step {step} on"
    causes = list(_causes(comparison.metric, findings_with(part)))
    if declared.cause not in causes:
        named = ", ".join("no known pattern fits" if cause is None else repr(cause) for cause in causes)
        return f"{declared}, but the cause is another one: {named or 'steps are missing'}"
    return None


def _causes(metric: str, findings: Findings) -> Iterator[str | None]:
    """Of the metric itself if it is a root cause, else of those that it follows from."""
    own = [cause for cause in findings.root_causes if cause.comparison.metric == metric]
    for cause in own or findings.root_causes:
        yield None if cause.diagnosis is None else str(cause.diagnosis.cause)
    if not own:
        yield from (str(diagnosis.cause) for diagnosis in findings.of_the_run)


def _undeclared(declarations: Sequence[DeclaredDivergence], comparison: Comparison) -> str | None:
    rest = comparison.only(lambda path: not any(declared.covers(path) for declared in declarations))
    if rest.first is None:
        return None
    return (
        f"{declarations[0]}, but it diverges in {listed(rest.differing_paths)} as well, from step "
        f"{rest.first.key.step} on, which nothing declares"
    )
