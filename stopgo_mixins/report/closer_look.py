"""What a report says of the first operator that differs."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING, Any

from stopgo_mixins.report.document import facts, section

if TYPE_CHECKING:
    from stopgo_mixins.report.contents import Contents


def closer_look_section(contents: Contents) -> Iterator[str]:
    """As HTML; nothing where nobody has looked."""
    look = contents.subject.examination.closer_look
    if look is not None:
        said = f"<p>{escape(look.sentence)}</p>" if look.facts is None else facts(look.facts.items())
        yield section("The first operator that differs" if look.facts else "Operator by operator", said)


def closer_look_data(contents: Contents) -> dict[str, Any] | None:
    """For other programs."""
    look = contents.subject.examination.closer_look
    return None if look is None else {"text": look.sentence, "step": look.step or None, **(look.facts or {})}


def closer_look_line(contents: Contents) -> Iterator[str]:
    """As Markdown."""
    look = contents.subject.examination.closer_look
    if look is not None:
        yield f"\n**zoom**: {look.sentence}"
