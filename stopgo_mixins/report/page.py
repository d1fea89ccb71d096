"""The report of a run as HTML."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.evidence import Verdict
from stopgo_mixins.comparison.message import cause_sentences, how_to_fix
from stopgo_mixins.metric import MetricKind
from stopgo_mixins.report.curves import Curves
from stopgo_mixins.report.document import badge, card, document, facts, section
from stopgo_mixins.report.drawing import HEIGHT, chart, definitions, position, strip
from stopgo_mixins.report.row import Role

if TYPE_CHECKING:
    from stopgo_mixins.report.columns import Columns
    from stopgo_mixins.report.contents import Contents
    from stopgo_mixins.report.row import Row

_LEGEND = {
    "equal": ("equal", "M0 14h10v6h-10z"),
    "differs": ("differs, root cause", "M0 2h10v18h-10z"),
    "consequence": ("differs, consequence", "M1 2h10v18h-10z"),
    "missing": ("missing or extra", "M1 3h9v16h-9zl9 16m0 -16l-9 16"),
    "not_verified": ("not verified: equal, and no evidence", "M1 14h9v6h-9z"),
    "declared": ("differs as declared", "M0 8h10v12h-10z"),
    "resumed": ("checkpoint loaded", f"M0 0h12v{HEIGHT}h-12z"),
}
"""Class of a cell -> what it means, and how it is drawn."""


def page(contents: Contents) -> str:
    """The whole file."""
    terms, legs = contents.subject.examination.terms, contents.subject.examination.runs.resumed
    resumed = " and ".join(f"at update {leg.start}" for leg in legs) or "never"
    sections = [
        definitions(contents.columns),
        *_causes(contents),
        *_map(contents),
        *_failures(contents),
        *_others(contents),
        *_not_observed(contents),
        *_run(contents),
    ]
    return document(
        contents.subject.name,
        failed=contents.failed,
        headline=contents.headline,
        about=f"{terms.num_steps} optimizer updates, resumed {resumed}; compared with an uninterrupted run.",
        sections=sections,
    )


def _causes(contents: Contents) -> Iterator[str]:
    findings, declared = contents.subject.examination.findings, contents.subject.examination.terms.declared
    cards = [card(test, problem.splitlines()) for test, problem in contents.problems.items()]
    for cause in findings.root_causes:
        title = cause.diagnosis.cause.section if cause.diagnosis else "No known cause"
        remedy = how_to_fix(cause.diagnosis.cause) if cause.diagnosis else []
        cards.append(card(title, [*cause_sentences(cause, declared), *remedy], cause.metric))
    if cards:
        yield section("What is wrong", *cards)


def _map(contents: Contents) -> Iterator[str]:
    rows, columns = contents.drawn, contents.columns
    if not rows:
        return
    used = {state.name.lower() for row in rows for state, steps in row.steps.items() if steps} | {"resumed"}
    used |= {"consequence"} if any(row.role is Role.CONSEQUENCE for row in rows) else set()
    yield '<section><h2 id="map">Where the runs part</h2><ul class="legend">'
    for kind, (meaning, path) in _LEGEND.items():
        if kind in used:
            yield (
                f'<li><svg viewBox="0 0 12 {HEIGHT}" aria-hidden="true"><path class="{kind}" d="{path}"/></svg>'
                f"{meaning}</li>"
            )
    yield f'</ul><table class="map" role="table" aria-labelledby="map"><thead role="rowgroup">{_axis(columns)}</thead>'
    yield '<tbody role="rowgroup">'
    yield from (_map_row(row, columns) for row in rows)
    yield "</tbody></table></section>"


def _axis(columns: Columns) -> str:
    ends = {0: "0", columns.last: str(columns.last)}
    marks = [f'<span style="left:{position(columns, step)}%">{text}</span>' for step, text in ends.items()]
    marks += [
        f'<span class="mark" style="left:{position(columns, step)}%">{step} &#9662;</span>'
        for step in columns.resumed_at
    ]
    return (
        '<tr role="row"><th role="columnheader" class="name-head">metric</th>'
        '<th role="columnheader" class="verdict-head">test</th>'
        f'<th role="columnheader" class="steps"><div class="axis">{"".join(marks)}</div></th>'
        '<th role="columnheader" class="first-head first">differs from</th></tr>'
    )


def _map_row(row: Row, columns: Columns) -> str:
    return (
        f'<tr role="row"><th role="rowheader" scope="row" class="metric"><a href="#{row.metric}">{row.metric}</a></th>'
        f'<td role="cell">{_verdict(row)}</td><td role="cell" class="steps">{strip(row, columns)}</td>'
        f'<td role="cell" class="first">{row.begin}</td></tr>'
    )


def _verdict(row: Row) -> str:
    if row.verdict is Verdict.FAILED and row.role is not None:
        return badge(row.role.value, "root" if row.role is Role.ROOT_CAUSE else "failed")
    return badge("declared") if row.role is not None else badge(row.verdict.value)


def _failures(contents: Contents) -> Iterator[str]:
    failed = [row for row in contents.rows if row.comparison.mismatches or row.verdict is Verdict.FAILED]
    if not failed:
        return
    yield "<section><h2>What differs</h2>"
    for row in failed:
        is_open = " open" if row.role is not Role.CONSEQUENCE else ""
        yield (
            f'<details id="{row.metric}"{is_open}><summary><span class="metric">{row.metric}</span>{_verdict(row)}'
            f'<span class="quiet">{escape(row.first)}</span></summary><pre>{escape(row.text)}</pre>'
        )
        if row.comparison.mismatches:
            yield _figure(row, contents)
        yield "</details>"
    yield "</section>"


def _figure(row: Row, contents: Contents) -> str:
    columns, runs = contents.columns, contents.subject.examination.runs
    if MetricKind.RANDOM_STREAMS in runs.about(row.metric).kinds:
        return ""  # how far two states of a generator lie apart means nothing
    curves = Curves.of(runs, row.comparison, columns)
    both = {"line-continuous": curves.continuous, "line-interrupted": curves.interrupted}
    charts = "".join(
        [
            chart("interrupted (dashed), continuous", both, log=False),
            chart("difference", {"line-gap": curves.absolute}, log=True),
            chart("difference in ULP", {"line-gap": curves.ulps}, log=True),
        ]
    )
    if not charts:
        return ""
    about = f"{row.metric} {curves.path}".strip()
    return f'<figure><figcaption>{escape(about)}</figcaption><div class="charts">{charts}</div></figure>'


def _others(contents: Contents) -> Iterator[str]:
    for title, verdict in (
        ("Not verified", Verdict.NOT_VERIFIED),
        ("What passed, and why that means something", Verdict.PASSED),
        ("Not applicable", Verdict.NOT_APPLICABLE),
    ):
        rows = [row for row in contents.ended(verdict) if not row.comparison.mismatches]
        if rows:
            yield section(title, facts((row.metric, row.text) for row in rows))


def _not_observed(contents: Contents) -> Iterator[str]:
    if contents.not_observed:
        listed = "".join(f"<li>{escape(each)}</li>" for each in contents.not_observed)
        yield section("What was not observed", f"<ul>{listed}</ul>")


def _run(contents: Contents) -> Iterator[str]:
    runs = contents.subject.examination.runs
    about = [(leg.name, f"updates {leg.start + 1} to {leg.end}") for leg in runs.legs]
    about.append(("continuous phase", f"updates 1 to {len(runs.reference.events('step_end'))}"))
    about += contents.subject.environment.items()
    yield section("The run", facts(about))
