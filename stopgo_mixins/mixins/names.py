"""The names of a user's class beside those of the library: none hides another, and none is lost by a typing error."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from stopgo_mixins.spelling import NAME_OF_YOUR_OWN, is_ours, misspelled, public_names


def check_names(cls: type, mixin: type) -> None:
    """Demands that a class and its bases redefine only what is meant to be, as it is meant to be.

    Args:
        cls: the class.
        mixin: that from which the classes of a user are derived whose names can be misspelled.

    Raises:
        TypeError: naming the class, what it defines, and what to write instead.
    """
    _check_fixtures(cls)
    methods = _methods_of_ours(cls)
    for base in cls.__mro__:
        if not is_ours(base):
            for name in methods.keys() & vars(base).keys():
                _check_method(base, name, methods[name])
    for name, meant in misspelled(cls, mixin, public_names(cls)):
        raise TypeError(f"{cls.__name__}.{name} is ignored. Did you mean {meant!r}? {NAME_OF_YOUR_OWN}")


def _check_fixtures(cls: type) -> None:
    """The fixture that other harnesses prepare everything in is not called before the phases, or not at all."""
    found = next((base for base in cls.__mro__ if "setup_class" in vars(base)), None)
    if found is not None:
        raise TypeError(
            f"{found.__name__}.setup_class is never called before the phases run: rename it to setUpClass, and end it "
            "with super().setUpClass(), which runs them. What it sets before that is there for every hook."
        )


def _methods_of_ours(cls: type) -> Mapping[str, Any]:
    """The methods that this library gives to a class, by name."""
    ours = (base for base in reversed(cls.__mro__) if is_ours(base))
    return {name: value for base in ours for name, value in _methods(base) if not name.startswith("__")}


def _methods(cls: type) -> Iterator[tuple[str, Any]]:
    return ((name, value) for name, value in vars(cls).items() if callable(_function_of(value)))


def _function_of(value: Any) -> Any:
    return getattr(value, "__func__", value)


def _check_method(base: type, name: str, ours: Any) -> None:
    where = f"{base.__name__}.{name}"
    if getattr(_function_of(ours), "__final__", False):
        raise TypeError(f"{where} is a name that the library needs for itself: choose another one for yours.")
    if isinstance(ours, classmethod | staticmethod) and not isinstance(vars(base)[name], classmethod | staticmethod):
        arguments = ", ".join(inspect.signature(_function_of(ours)).parameters)
        raise TypeError(
            f"{where} is not a classmethod: write @classmethod above def {name}({arguments}). "
            "If it is not meant to be the library's, give it another name."
        )
