"""The pictures, as SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.wording import ranges
from stopgo_mixins.report.row import CellState, Role

if TYPE_CHECKING:
    from stopgo_mixins.report.columns import Columns
    from stopgo_mixins.report.curves import Line
    from stopgo_mixins.report.row import Row

WIDTH = 540
"""Of a row of the map, in units of its own; a page may draw it narrower."""

HEIGHT = 22

_MOST_SINGLE_CELLS = 32

_SHAPES = {
    CellState.DIFFERS: "M{x} 2h{w}v18h-{w}z",
    CellState.MISSING: "M{x} 3h{w}v16h-{w}zl{w} 16m0 -16l-{w} 16",
    CellState.DECLARED: "M{x} 8h{w}v12h-{w}z",
    CellState.NOT_VERIFIED: "M{x} 14h{w}v6h-{w}z",
    CellState.EQUAL: "M{x} 14h{w}v6h-{w}z",
}
"""How a cell is drawn, from its left edge and its width: no state is told by its colour alone."""


def strip(row: Row, columns: Columns) -> str:
    """A metric's row of the map."""
    cells = cell_states(row, columns)
    described = "; ".join(f"{state.value} {ranges(steps, most=8)}" for state, steps in row.steps.items() if steps)
    drawn = [_cells(cells, state, row) for state in CellState if state in cells]
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(described)}">{_resume_points(columns)}{"".join(drawn)}</svg>'
    )


def cell_states(row: Row, columns: Columns) -> list[CellState | None]:
    """Of each column the worst state of its steps; ``None`` where nothing was recorded."""
    cells: list[CellState | None] = [None] * len(columns)
    for state in reversed(CellState):
        for step in row.steps[state]:
            cells[columns.of_step(step)] = state
    return cells


def _cells(cells: Sequence[CellState | None], state: CellState, row: Row) -> str:
    path = "".join(
        _SHAPES[state].format(x=_edge(begin, cells), w=_edge(end, cells) - _edge(begin, cells) - 1)
        for begin, end in _blocks(cells)
        if cells[begin] is state
    )
    kind = "consequence" if state is CellState.DIFFERS and row.role is Role.CONSEQUENCE else state.name.lower()
    return f'<path class="{kind}" d="{path}"><title>{state.value}: {ranges(row.steps[state], most=8)}</title></path>'


def _blocks(cells: Sequence[CellState | None]) -> list[tuple[int, int]]:
    """Where each drawn cell begins and ends; among many, equal neighbours are drawn as one."""
    if len(cells) <= _MOST_SINGLE_CELLS:
        return [(column, column + 1) for column in range(len(cells))]
    begins = [column for column in range(len(cells)) if not column or cells[column] is not cells[column - 1]]
    return list(pairwise([*begins, len(cells)]))


def _edge(column: int, cells: Sequence[object] | Columns) -> int:
    return round(column * WIDTH / len(cells))


def _resume_points(columns: Columns) -> str:
    edges = [
        (_edge(column, columns), _edge(column + 1, columns)) for column in map(columns.of_step, columns.resumed_at)
    ]
    path = "".join(f"M{left - 1} 0h{right - left + 1}v{HEIGHT}h-{right - left + 1}z" for left, right in edges)
    return f'<path class="resumed" d="{path}"/>'


def position(columns: Columns, step: int) -> float:
    """Where the middle of a step's column lies, in percent of the width."""
    return round(100 * (columns.of_step(step) + 0.5) / len(columns), 1)


_PLOT = (300, 84)
"""Width and height of a curve's area."""

_LEFT, _TOP, _BOTTOM = 4, 20, 18


def chart(title: str, lines: dict[str, Line], *, log: bool) -> str:
    """Curves over the steps, on the axes of :func:`definitions`; empty where there is no number to draw.

    Args:
        title: what is drawn.
        lines: by their class in the style sheet.
        log: whether the numbers stand on a logarithmic scale, on which zeros have no place.
    """
    shown = {kind: [_scaled(value, log=log) for value in line] for kind, line in lines.items()}
    values = [value for line in shown.values() for value in line if value is not None]
    if not values:
        return ""
    low, high = min(values), max(values)
    width, height = _PLOT
    extent = " to ".join(dict.fromkeys([_label(low, log=log), _label(high, log=log)]))
    drawn = "".join(_curve(kind, line, low, high) for kind, line in shown.items())
    return (
        f'<svg class="chart" viewBox="0 0 {width + _LEFT} {_TOP + height + _BOTTOM}" role="img" '
        f'aria-label="{escape(title)}: {extent}"><use href="#axes"/>{drawn}'
        f'<text x="{_LEFT}" y="12">{escape(title)}</text><text class="end" x="{width}" y="12">{extent}</text></svg>'
    )


def definitions(columns: Columns) -> str:
    """What the pictures of a page share: what fills a consequence, the points of curves, and their axes."""
    (width, height), count = _PLOT, len(columns)
    resumed = "".join(f"M{_x(columns.of_step(step), count)} {_TOP}v{height}" for step in columns.resumed_at)
    return (
        '<svg class="defs" width="0" height="0" aria-hidden="true"><defs>'
        '<pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<path d="M0 0h2.4v5h-2.4z"/></pattern>'
        '<marker id="dot" refX="2" refY="2" markerWidth="4" markerHeight="4" markerUnits="userSpaceOnUse">'
        '<circle cx="2" cy="2" r="2" fill="context-stroke"/></marker><g id="axes">'
        f'<path class="frame" d="M{_LEFT} {_TOP}v{height}h{width - _LEFT}"/><path class="resume-line" d="{resumed}"/>'
        f'<text x="{_LEFT}" y="{_TOP + height + 14}">step {columns.firsts[0]}</text>'
        f'<text class="end" x="{width}" y="{_TOP + height + 14}">{columns.last}</text></g></defs></svg>'
    )


def _scaled(value: float | None, *, log: bool) -> float | None:
    if value is None or not log:
        return value
    return math.log10(value) if value > 0 else None


def _label(value: float, *, log: bool) -> str:
    return f"{10**value if log else value:.3g}"


def _curve(kind: str, line: Line, low: float, high: float) -> str:
    points = [(_x(column, len(line)), _y(value, low, high)) for column, value in enumerate(line) if value is not None]
    if not points:
        return ""
    (x, y), *_ = points
    steps = " ".join(f"{right - left} {lower - upper}" for (left, upper), (right, lower) in pairwise(points))
    return f'<path class="{kind}" d="M{x} {y}l{steps or "0 0"}"/>'


def _x(column: int, columns: int) -> int:
    return round(_LEFT + 6 + (_PLOT[0] - _LEFT - 12) * (column + 0.5) / columns)


def _y(value: float, low: float, high: float) -> int:
    share = (value - low) / (high - low) if high > low else 0.5
    return round(_TOP + 4 + (_PLOT[1] - 10) * (1 - share))
