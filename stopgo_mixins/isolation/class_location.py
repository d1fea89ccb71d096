"""Where a test class is defined, and how a fresh process finds it again."""

from __future__ import annotations

import functools
import importlib
import importlib.machinery
import importlib.util
import sys
import types
import unittest
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

MAIN = "__main__"
MAIN_IN_CHILD = "__mp_main__"
"""What multiprocessing calls a parent's main module, so that processes which the child spawns find it as well."""


@dataclass(frozen=True)
class ModuleLocation:
    """A module or package.

    Attributes:
        name: as in ``sys.modules``.
        file: where it was loaded from; ``None`` for a package without ``__init__.py``.
        search_path: where the modules of a package are looked for; ``None`` for a module.
    """

    name: str
    file: str | None
    search_path: tuple[str, ...] | None

    @classmethod
    def of(cls, module: types.ModuleType) -> ModuleLocation:
        """The location of a loaded module."""
        file = getattr(module, "__file__", None)
        search_path = getattr(module, "__path__", None)
        return cls(
            module.__name__,
            None if file is None else str(Path(file).absolute()),
            None if search_path is None else tuple(search_path),
        )

    def load(self) -> types.ModuleType:
        """The module: imported if its name leads to the same file, else loaded from its file under that name.

        pytest's import mode ``importlib`` gives names that lead nowhere.
        """
        loaded = sys.modules.get(self.name)
        if loaded is not None and self._lies_at(getattr(loaded, "__file__", None)):
            return loaded
        spec = _find_spec(self.name)
        if loaded is None and spec is not None and self._lies_at(spec.origin):
            return importlib.import_module(self.name)
        if self.file is None:
            return self._package_without_a_file()
        return load_from_file(self.name, self.file, self.search_path)

    def _lies_at(self, file: str | None) -> bool:
        if self.file is None or file is None:
            return self.file is None
        return Path(file).exists() and Path(file).samefile(self.file)

    def _package_without_a_file(self) -> types.ModuleType:
        spec = importlib.machinery.ModuleSpec(self.name, None, is_package=True)
        spec.submodule_search_locations = list(self.search_path or ())
        module = sys.modules[self.name] = importlib.util.module_from_spec(spec)
        return module


@dataclass(frozen=True)
class ClassLocation:
    """A class that its module leads to; picklable.

    Attributes:
        module: the module that defines it.
        packages: the packages around the module, outermost first.
        name_of_main: for the main module that was started as ``python -m NAME``, that name.
        qualified_name: from the module to the class.
    """

    module: ModuleLocation
    packages: tuple[ModuleLocation, ...]
    name_of_main: str | None
    qualified_name: str

    @classmethod
    def of(cls, wanted: type) -> ClassLocation:
        """The location of a class.

        Raises:
            LookupError: when no other process could find it, saying why.
        """
        module = sys.modules.get(wanted.__module__)
        if module is None:
            raise LookupError(f"its module {wanted.__module__} is not among the imported ones")
        _look_up(module, wanted.__qualname__, wanted)
        location = ModuleLocation.of(module)
        if location.file is None:
            raise LookupError(f"its module {location.name} has no file")
        spec = getattr(module, "__spec__", None)
        name_of_main = spec.name if location.name == MAIN and spec is not None else None
        return cls(location, tuple(_packages_of(name_of_main or location.name)), name_of_main, wanted.__qualname__)

    def find(self) -> Any:
        """The class, in a process that has not imported its module yet.

        Raises:
            LookupError: when the module, loaded again, does not define it.
        """
        for package in self.packages:
            package.load()
        module = self._load_main() if self.module.name == MAIN else self.module.load()
        return _look_up(module, self.qualified_name)

    def _load_main(self) -> types.ModuleType:
        """The main module, without what it does ``if __name__ == "__main__"`` or in a bare ``unittest.main()``."""
        with mock.patch.object(unittest, "main", _do_nothing):
            if self.name_of_main is not None:
                module = importlib.import_module(self.name_of_main)
            elif MAIN_IN_CHILD in sys.modules:  # multiprocessing has loaded it
                module = sys.modules[MAIN_IN_CHILD]
            else:
                module = load_from_file(MAIN_IN_CHILD, str(self.module.file))
        sys.modules[MAIN] = sys.modules[MAIN_IN_CHILD] = module  # a checkpoint names its classes by their module
        return module


def load_from_file(name: str, file: str, search_path: Sequence[str] | None = None) -> types.ModuleType:
    """Loads a file as a module of a name, whatever the import path leads that name to.

    Raises:
        ImportError: when the file is no Python source.
    """
    locations = None if search_path is None else list(search_path)
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=locations)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} cannot be loaded as a module")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    _set_on_its_package(module)
    return module


def _set_on_its_package(module: types.ModuleType) -> None:
    package, _, name = module.__name__.rpartition(".")
    if package in sys.modules:
        setattr(sys.modules[package], name, module)


def _find_spec(name: str) -> importlib.machinery.ModuleSpec | None:
    try:
        return importlib.util.find_spec(name)
    except (ImportError, ValueError):  # one of its packages cannot be imported, or has been made by hand
        return None


def _packages_of(name: str) -> list[ModuleLocation]:
    parts = name.split(".")[:-1]
    names = [".".join(parts[: depth + 1]) for depth in range(len(parts))]
    return [ModuleLocation.of(sys.modules[package]) for package in names if package in sys.modules]


def _look_up(module: types.ModuleType, qualified_name: str, wanted: object = None) -> Any:
    if "<locals>" in qualified_name:
        function = qualified_name.partition(".<locals>")[0]
        raise LookupError(f"it is defined inside the function {function}")
    try:
        found: Any = functools.reduce(getattr, qualified_name.split("."), module)
    except AttributeError:
        raise LookupError(f"there is no {qualified_name} in {module.__name__}") from None
    if wanted is not None and found is not wanted:
        raise LookupError(f"{qualified_name} in {module.__name__} is something else")
    return found


def _do_nothing(*_: object, **__: object) -> None:
    """Stands in for ``unittest.main``."""
