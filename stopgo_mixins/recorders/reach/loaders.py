"""From where the walk begins in what a loop reads, of which nobody knows what it is."""

from __future__ import annotations

from collections.abc import Iterator

from stopgo_mixins.recorders.reach.packages import is_users_class
from stopgo_mixins.trace.objects import attributes_of


def roots_of_loader(name: str, loader: object) -> Iterator[tuple[str, object]]:
    """Yields ``(path, object)``: a loader of the user's own class, and the parts of any loader that may be the user's.

    Of the samplers it is the first that is the user's, or the innermost: a loop may read what is left of an epoch
    through another one that skips batches. What is a list of batches, or a generator, is no object to be restored.
    """
    held = attributes_of(loader)
    if is_users_class(type(loader)):
        yield name, loader
    for part in ("dataset", "collate_fn"):
        if part in held:
            yield f"{name}.{part}", held[part]
    sampler = _sampler_of(loader)
    if sampler is not None:
        yield f"{name}.sampler", sampler


def _sampler_of(owner: object) -> object:
    """The one that an object of a package reads from, through whatever others of packages; ``None`` for none."""
    held = attributes_of(owner)
    for part in ("batch_sampler", "sampler"):
        inner = held.get(part)
        if inner is not None:
            further = None if is_users_class(type(inner)) else _sampler_of(inner)
            return inner if further is None else further
    return None
