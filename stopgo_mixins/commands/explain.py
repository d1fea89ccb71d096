"""Tells about a cause, or lists all of them: ``python -m stopgo_mixins explain "RNG not restored"``.

The page of the documentation is the source: the installed package has a copy, a checkout a link to it.
"""

from __future__ import annotations

import argparse
import difflib
import re
import sys
from importlib.resources import files
from textwrap import indent
from typing import Any

from stopgo_mixins.comparison.diagnosis.cause import Cause
from stopgo_mixins.comparison.diagnosis.remedies import REMEDIES

PAGE = "fixing-a-divergence.md"


def add_to(commands: argparse._SubParsersAction[Any]) -> None:
    """Adds the command to those of a program."""
    parser = commands.add_parser(
        "explain",
        help="tell about a cause that a message names, and how to fix it",
        description="Tells how a cause looks in a message, why it happens, and what to change.",
    )
    parser.add_argument(
        "cause", nargs="?", type=_cause_named, help='such as "RNG not restored"; all of them if left out'
    )
    parser.set_defaults(run=run)


def _cause_named(name: str) -> Cause:
    known = {str(cause).lower(): cause for cause in Cause}
    if name.lower() not in known:
        close = difflib.get_close_matches(name.lower(), known, n=1)
        hint = f" Did you mean {str(known[close[0]])!r}?" if close else ""
        raise argparse.ArgumentTypeError(f"there is no cause {name!r}.{hint} Without a cause, all are listed.")
    return known[name.lower()]


def run(options: argparse.Namespace) -> int:
    """Prints it, and returns the exit status."""
    sys.stdout.write(_overview() if options.cause is None else section(options.cause))
    return 0


def _overview() -> str:
    width = max(len(str(cause)) for cause in Cause)
    lines = (f"{cause!s:{width}}  {REMEDIES[cause]}" for cause in Cause)
    return "\n".join([*lines, "", 'More about one of them: python -m stopgo_mixins explain "CAUSE"', ""])


def section(cause: Cause) -> str:
    """What the documentation says about a cause, as plain as it can be in a terminal."""
    page = files(__package__).joinpath(PAGE).read_text(encoding="utf-8")
    _, _, below = page.partition(f"\n## {cause.section}\n")
    return f"{cause.section}\n{'=' * len(cause.section)}\n{_plain(below.partition(chr(10) + '## ')[0])}\n"


def _plain(markdown: str) -> str:
    text = re.sub(r"\{[\w:]+\}`~?(?:[\w.]+\.)?(\w+)`", r"`\1`", markdown)  # a reference of the documentation
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"^<!-- .* -->\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"^```\w*\n(.*?)^```$", lambda block: indent(block[1], " " * 4), text, flags=re.MULTILINE | re.DOTALL)
    return text.replace("**", "").rstrip()
