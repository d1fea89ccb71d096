"""The imports and classes of a package, read from its files without importing anything."""

from __future__ import annotations

import ast
import graphlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path


@dataclass(frozen=True)
class Import:
    """One file that names another, wherever it does: in a function and under ``TYPE_CHECKING`` too.

    Args:
        importer: the dotted name of the module, such as ``"house.roof.chimney"``; a package is its ``__init__.py``.
        imported: that of another module of the package, or whatever was imported from elsewhere.
        place: the importing file and line.
    """

    importer: str
    imported: str
    place: str


class Package:
    """A package on disk.

    Args:
        root: its directory.
    """

    def __init__(self, root: Path) -> None:
        self.name = root.name
        self._trees = {
            self._module(path.relative_to(root.parent)): (
                path.relative_to(root.parent),
                ast.parse(path.read_text(encoding="utf-8")),
            )
            for path in sorted(root.rglob("*.py"))
        }

    def _module(self, path: Path) -> str:
        return ".".join(path.with_suffix("").parts).removesuffix(".__init__")

    @property
    def modules(self) -> Sequence[str]:
        """The dotted names of all files."""
        return list(self._trees)

    @cached_property
    def imports(self) -> Sequence[Import]:
        """Of one file by another, and of other projects."""
        return [
            Import(module, imported, f"{path}:{node.lineno}")
            for module, (path, tree) in self._trees.items()
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for imported in self._imported(node, path)
        ]

    def _imported(self, node: ast.Import | ast.ImportFrom, path: Path) -> Iterator[str]:
        for alias in node.names:
            if isinstance(node, ast.Import):
                yield alias.name
            elif node.module is None or node.level:
                raise ValueError(f"{path}:{node.lineno}: a relative import: write the dotted name of what is meant")
            else:
                submodule = f"{node.module}.{alias.name}"
                yield submodule if submodule in self._trees else node.module

    @property
    def own_imports(self) -> list[Import]:
        """Those of one file by another."""
        return [found for found in self.imports if found.imported in self._trees]

    def circle(self) -> list[str]:
        """Modules that import each other, the first one again at the end; empty where there are none."""
        graph: dict[str, set[str]] = defaultdict(set)
        for found in self.own_imports:
            graph[found.importer].add(found.imported)
        try:
            graphlib.TopologicalSorter(graph).prepare()
        except graphlib.CycleError as error:
            circle: list[str] = error.args[1][::-1]
            return circle
        return []

    def classes(self) -> Mapping[str, Sequence[str]]:
        """The name of every class, private and nested ones too -> where it is defined."""
        places: dict[str, list[str]] = defaultdict(list)
        for path, tree in self._trees.values():
            for node in ast.walk(tree):
                if isinstance(node, ast.ClassDef):
                    places[node.name].append(f"{path}:{node.lineno}")
        return places


class House:
    """A package whose parts are floors.

    Args:
        package: which one.
        floors: ground floor first; each the names of what stands on it: files and folders of the package.
            ``"__init__"`` is the package's own ``__init__.py``.
    """

    def __init__(self, package: Package, floors: Iterable[Iterable[str]]) -> None:
        self._package = package
        self._floor = {name: number for number, names in enumerate(floors) for name in names}

    def room(self, module: str) -> str:
        """The name under which a module stands on a floor."""
        return "__init__" if module == self._package.name else module.split(".")[1]

    def upward_imports(self) -> list[str]:
        """Every import of a higher floor, in words."""
        return [
            f"{found.place}: {self.room(found.importer)} imports {found.imported}, which is above it"
            for found in self._package.own_imports
            if self._floor[self.room(found.importer)] < self._floor[self.room(found.imported)]
        ]

    def misplaced(self) -> list[str]:
        """What stands on no floor, and what is named but not there."""
        rooms = {self.room(module) for module in self._package.modules}
        homeless = [f"{room} stands on no floor" for room in sorted(rooms - self._floor.keys())]
        return homeless + [f"{room} is not there" for room in sorted(self._floor.keys() - rooms)]
