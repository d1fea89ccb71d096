"""What a command prints."""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout

from stopgo_mixins.__main__ import main


def printed(*arguments: object) -> tuple[int, str]:
    """The exit status of a command, and what it printed."""
    with redirect_stdout(io.StringIO()) as stream, redirect_stderr(stream):
        status = main([str(argument) for argument in arguments])
    return status, stream.getvalue()
