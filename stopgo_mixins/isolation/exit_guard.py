"""Lets nothing that runs in the process of the tests end it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn
from unittest import mock


@contextmanager
def guarded_exit() -> Iterator[None]:
    """Turns ``os._exit`` into ``SystemExit`` in this process while the body runs.

    Otherwise, the tests would end at once, and with the exit status that it is given, which may be 0.
    Processes that are forked meanwhile end as they please.
    """
    exit_at_once, own = os._exit, os.getpid()

    def raise_instead(status: int) -> NoReturn:
        if os.getpid() != own:
            exit_at_once(status)
        raise SystemExit(f"os._exit({status}) was called")

    with mock.patch.object(os, "_exit", raise_instead):
        yield
