"""From where the walk begins in what a loop reads, of which nobody knows what it is."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from stopgo_mixins.recorders.reach.packages import is_users_class
from stopgo_mixins.trace.objects import attributes_of


def roots_of_loader(name: str, loader: object) -> Iterator[tuple[str, object]]:
    """Yields ``(path, object)``: a loader of the user's own class, and the parts of any loader that may be the user's.

    A loop may make a loader for what is left of an epoch, and what is left is no state. So of samplers and data sets it
    is the first that is the user's, behind what packages put around it to choose or to skip; and lists and generators
    are left alone.
    """
    if is_users_class(type(loader)):
        yield name, loader
    held = attributes_of(loader)
    sampler = held.get("sampler") if held.get("batch_sampler") is None else held["batch_sampler"]
    sampler = _first_of_the_user(sampler, ("batch_sampler", "sampler"))
    found = {
        "dataset": _first_of_the_user(held.get("dataset"), ("dataset",)),
        "collate_fn": held.get("collate_fn"),
        "sampler": sampler if is_users_class(type(sampler)) else None,
    }
    yield from ((f"{name}.{part}", value) for part, value in found.items() if value is not None)


def _first_of_the_user(value: object, inside: Collection[str]) -> object:
    """The value itself, or what an object of a package holds inside; ``None`` where that is what is left to read."""
    if is_users_class(type(value)):
        return value
    held = attributes_of(value)
    within = [held[name] for name in inside if held.get(name) is not None]
    if within:
        return _first_of_the_user(within[0], inside)
    return value if held else None
