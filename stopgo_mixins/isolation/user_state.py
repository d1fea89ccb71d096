"""What the modules of the user hold, which are those of no installed package."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator, Mapping

from stopgo_mixins.isolation.held_values import OPAQUE, HeldValues, parts_of_class
from stopgo_mixins.isolation.user_modules import is_users, modules_behind

UserState = Mapping[str, Mapping[str, str]]
"""Global or class -> path inside of it -> a short text that changes with the value."""


def user_state(test_class: type) -> UserState:
    """What the globals of the user's modules behind a class, and the attributes of their classes, hold now."""
    held = HeldValues(is_users)
    return {name: held.of(value, name) for name, value in _globals(test_class)}


def _globals(test_class: type) -> Iterator[tuple[str, object]]:
    for module in modules_behind(test_class):
        for name, value in list(vars(sys.modules[module]).items()):
            if name.startswith("__") or isinstance(value, types.ModuleType):
                continue
            yield f"{module}.{name}", value
            if isinstance(value, type) and value.__module__ == module:
                yield from (
                    (f"{module}.{name}{attribute}", part) for attribute, part in parts_of_class(value, is_users)
                )


def changes_of_user_state(before: UserState, after: UserState) -> Iterator[str]:
    """Says of each thing that has changed what became of it; of modules that were imported later, nothing."""
    owners = {_owner_of(name) for name in before}
    for name, now in after.items():
        if name not in before:
            if _owner_of(name) in owners:
                yield f"{name}: new"
        elif now != before[name]:
            yield _first_change(before[name], now)


def _owner_of(name: str) -> str:
    return name.rpartition(".")[0]


def _first_change(was: Mapping[str, str], now: Mapping[str, str]) -> str:
    path = next(path for path in {**was, **now} if was.get(path) != now.get(path))
    return f"{path}: {_what_became(was.get(path), now.get(path))}"


def _what_became(was: str | None, now: str | None) -> str:
    if was is None:
        return "new"
    if now is None:
        return "gone"
    if was.startswith(OPAQUE) or now.startswith(OPAQUE):
        return "changed"
    return f"{was}, then {now}"
