"""What all pages have in common: one HTML file that needs no other."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from importlib.resources import files


def document(title: str, *, failed: bool, headline: str, about: str, sections: Iterable[str]) -> str:
    """The whole file.

    Args:
        title: what it is about.
        failed: whether it stands under the sign of a failure.
        headline: the outcome in a sentence.
        about: what was done to find out.
        sections: what follows, as HTML.
    """
    word = "failed" if failed else "passed"
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<link rel="icon" href="data:,">',
        f"<title>{word.capitalize()}: {escape(title)}</title>",
        f"<style>{style()}</style></head><body>",
        f'<header><h1>{escape(title)}</h1><p class="outcome">{badge(word)} {escape(headline)}</p>'
        f'<p class="quiet">{escape(about)}</p></header><main>',
        *sections,
        "</main></body></html>",
    ]
    return "\n".join(parts) + "\n"


def style() -> str:
    """The style sheet."""
    return files(__package__).joinpath("page.css").read_text(encoding="utf-8")


def badge(word: str, kind: str = "") -> str:
    """A word in a frame, in the style of its kind, or else of its own."""
    return f'<span class="badge {kind or word.replace(" ", "-")}">{word}</span>'


def section(title: str, *parts: str) -> str:
    """Parts under a heading."""
    return f"<section><h2>{title}</h2>{''.join(parts)}</section>"


def facts(rows: Iterable[tuple[str, str]]) -> str:
    """A table of names and what is to be said of each."""
    lines = (
        f'<tr id="{escape(name)}"><th scope="row" class="metric">{escape(name)}</th><td>{escape(text)}</td></tr>'
        for name, text in rows
    )
    return f'<table class="facts">{"".join(lines)}</table>'


def card(title: str, lines: Iterable[str], metric: str = "") -> str:
    """Something that is wrong, and where on the page there is more about it."""
    link = f' in <a class="metric" href="#{metric}">{metric}</a>' if metric else ""
    text = "".join(f"<p>{escape(line)}</p>" for line in lines)
    return f'<div class="cause"><h3>{escape(title)}{link}</h3>{text}</div>'
