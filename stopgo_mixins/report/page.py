"""The report as one HTML file that needs no other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.evidence import Verdict
from stopgo_mixins.comparison.message import cause_sentences, how_to_fix
from stopgo_mixins.metric import MetricKind
from stopgo_mixins.report.curves import Curves
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
    name = escape(contents.subject.name)
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<link rel="icon" href="data:,">',
        f"<title>{'Failed' if contents.failed else 'Passed'}: {name}</title>",
        f"<style>{style()}</style></head><body>",
        f"<header>{_header(contents)}</header><main>{definitions(contents.columns)}",
        *_causes(contents),
        *_map(contents),
        *_failures(contents),
        *_others(contents),
        *_not_observed(contents),
        *_run(contents),
        "</main></body></html>",
    ]
    return "\n".join(parts) + "\n"


def style() -> str:
    """The style sheet."""
    return files(__package__).joinpath("page.css").read_text(encoding="utf-8")


def _header(contents: Contents) -> str:
    word = "failed" if contents.failed else "passed"
    legs = contents.subject.examination.runs.resumed
    resumed = " and ".join(f"at update {leg.start}" for leg in legs) or "never"
    return (
        f"<h1>{escape(contents.subject.name)}</h1>"
        f'<p class="outcome">{_badge(word)} {escape(contents.headline)}</p>'
        f'<p class="quiet">{contents.subject.examination.terms.num_steps} optimizer updates, resumed {resumed}; '
        "compared with a run that was never interrupted.</p>"
    )


def _badge(word: str, kind: str = "") -> str:
    return f'<span class="badge {kind or word.replace(" ", "-")}">{word}</span>'


def _causes(contents: Contents) -> Iterator[str]:
    findings, declared = contents.subject.examination.findings, contents.subject.examination.terms.declared
    cards = [_card(test, "", problem.splitlines()) for test, problem in contents.problems.items()]
    for cause in findings.root_causes:
        title = cause.diagnosis.cause.section if cause.diagnosis else "No known cause"
        remedy = how_to_fix(cause.diagnosis.cause) if cause.diagnosis else []
        cards.append(_card(title, cause.metric, [*cause_sentences(cause, declared), *remedy]))
    if cards:
        yield f"<section><h2>What is wrong</h2>{''.join(cards)}</section>"


def _card(title: str, metric: str, lines: Iterable[str]) -> str:
    link = f' in <a class="metric" href="#{metric}">{metric}</a>' if metric else ""
    text = "".join(f"<p>{escape(line)}</p>" for line in lines)
    return f'<div class="cause"><h3>{escape(title)}{link}</h3>{text}</div>'


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
        return _badge(row.role.value, "root" if row.role is Role.ROOT_CAUSE else "failed")
    return _badge("declared") if row.role is not None else _badge(row.verdict.value)


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
            yield f"<section><h2>{title}</h2>{_facts((row.metric, row.text) for row in rows)}</section>"


def _facts(facts: Iterable[tuple[str, str]]) -> str:
    rows = (
        f'<tr id="{escape(name)}"><th scope="row" class="metric">{escape(name)}</th><td>{escape(text)}</td></tr>'
        for name, text in facts
    )
    return f'<table class="facts">{"".join(rows)}</table>'


def _not_observed(contents: Contents) -> Iterator[str]:
    if contents.not_observed:
        listed = "".join(f"<li>{escape(each)}</li>" for each in contents.not_observed)
        yield f"<section><h2>What was not observed</h2><ul>{listed}</ul></section>"


def _run(contents: Contents) -> Iterator[str]:
    runs = contents.subject.examination.runs
    facts = [(leg.name, f"updates {leg.start + 1} to {leg.end}") for leg in runs.legs]
    facts.append(("continuous phase", f"updates 1 to {len(runs.reference.events('step_end'))}"))
    facts += contents.subject.environment.items()
    yield f"<section><h2>The run</h2>{_facts(facts)}</section>"
