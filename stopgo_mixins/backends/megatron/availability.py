"""Skips test classes where NeMo is missing, saying what was found and what to install."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import os
import unittest
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from stopgo_mixins.isolation.output import redirected_descriptor

_TestClass = TypeVar("_TestClass", bound=type)

_INSTALL = "pip install 'stopgo_mixins[nemo]'"
_DISTRIBUTIONS = ("nemo_toolkit", "megatron-core", "nvidia-modelopt", "nvidia-resiliency-ext")


@functools.cache
def missing_nemo() -> str | None:
    """Why NeMo 2 cannot train here, or ``None`` where it can. Imports NeMo, which takes about ten seconds.

    Versions that do not fit each other show in many ways: an import that fails, or ``llm`` without ``train``.
    """
    try:
        with _silence():
            importlib.import_module("nemo.lightning")
            llm = importlib.import_module("nemo.collections.llm")
    except Exception as error:  # versions that do not fit raise more than ImportError
        return f"NeMo 2 cannot be imported ({type(error).__name__}: {error}); {_found()}; {_INSTALL}"
    if not hasattr(llm, "train"):
        return f"nemo.collections.llm has no train; {_found()}; {_INSTALL}"
    return None


@contextmanager
def _silence() -> Iterator[None]:
    """Keeps what NeMo prints while it is imported out of the test output.

    ``sys.stdout`` and ``sys.stderr`` stay what they are, because NeMo's log handlers keep hold of them.
    """
    with (
        Path(os.devnull).open("w", encoding="utf-8") as nowhere,
        redirected_descriptor(1, nowhere.fileno()),
        redirected_descriptor(2, nowhere.fileno()),
    ):
        yield


def _found() -> str:
    return "found " + ", ".join(f"{name} {_version(name)}" for name in _DISTRIBUTIONS)


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "(not installed)"


def require_nemo(test_class: _TestClass) -> _TestClass:
    """Class decorator: skips the class where NeMo 2 is missing or its parts do not fit each other."""
    reason = missing_nemo()
    return unittest.skip(reason)(test_class) if reason else test_class
