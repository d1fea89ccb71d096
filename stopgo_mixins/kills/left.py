"""Which checkpoints the death of a stop phase leaves, and which of them are whole."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stopgo_mixins.isolation.directory_tree import Tree
    from stopgo_mixins.isolation.file_events import FileEvent


@dataclass(frozen=True)
class Version:
    """A checkpoint as it was when the trainer had written it; another one may be written under the same path later.

    Attributes:
        path: relative to the directory of the run.
        update: after how many updates it was written.
        tree: what belongs to it.
    """

    path: str
    update: int
    tree: Tree

    def is_whole_in(self, tree: Tree) -> bool:
        """Whether all of it is there."""
        return all(
            path in tree and (tree[path].kind, tree[path].content) == (entry.kind, entry.content)
            for path, entry in self.tree.items()
        )


@dataclass(frozen=True)
class StopLog:
    """What the stop phase wrote about itself, beside what it did to files.

    Attributes:
        path: the log of its first rank.
        directory: of the run.
        events: all file events.
    """

    path: Path
    directory: Path
    events: Sequence[FileEvent]

    @cached_property
    def _lines(self) -> list[tuple[int, dict[str, object]]]:
        """``(where the line ends, what it says)``."""
        written = self.path.read_bytes() if self.path.exists() else b""  # who died early has said nothing
        end, lines = 0, []
        for line in written.splitlines(keepends=True):
            end += len(line)
            if line.endswith(b"\n"):  # else it died while it wrote
                lines.append((end, json.loads(line)))
        return lines

    @property
    def size(self) -> int:
        """Bytes of the log."""
        return max((end for end, _ in self._lines), default=0)

    def updates(self, size: int) -> int:
        """How many updates had been made when the log had a size.

        A trainer may save before it says that the step has ended, so what it says of the checkpoint counts as well.
        """
        before = [said for end, said in self._lines if end <= size]
        following = self._lines[len(before) : len(before) + 1]
        telling = [*before, *(said for _, said in following if said["event"] == "checkpoint_saved")]
        made = (int(str(said["update"])) for said in telling if said["event"] in ("step_end", "checkpoint_saved"))
        return max(made, default=0)

    @cached_property
    def versions(self) -> list[Version]:
        """All checkpoints that were written inside of the directory, in this order."""
        saved = [(end, said) for end, said in self._lines if said["event"] == "checkpoint_saved"]
        return [version for end, said in saved for version in self._version(end, said)]

    def _version(self, end: int, said: dict[str, object]) -> list[Version]:
        written = Path(str(said["path"])).resolve()
        if not written.is_relative_to(self.directory.resolve()):
            return []
        path = str(written.relative_to(self.directory.resolve()))
        tree = next(event.tree for event in self.events if event.log_size >= end)
        return [Version(path, int(str(said["update"])), part_of(tree, path))]

    def whole_in(self, tree: Tree) -> list[Version]:
        """The checkpoints that are whole and not marked as unfinished, the newest last."""
        whole = (each for each in self.versions if each.is_whole_in(tree) and not _is_marked(each.path, tree))
        return sorted(whole, key=lambda version: version.update)

    def torn_in(self, tree: Tree) -> list[str]:
        """The paths of checkpoints at which something else lies than any of them, with nothing that says so."""
        whole = {version.path for version in self.whole_in(tree)}
        paths = dict.fromkeys(version.path for version in self.versions)
        return [path for path in paths if path not in whole and part_of(tree, path) and not _is_marked(path, tree)]


def _is_marked(path: str, tree: Tree) -> bool:
    """Whether the trainer itself says that the checkpoint is not finished, in the way of NeMo."""
    return f"{path}-unfinished" in tree


def part_of(tree: Tree, path: str) -> Tree:
    """What lies at a path of a directory, and below it."""
    return {each: entry for each, entry in tree.items() if each == path or each.startswith(f"{path}/")}
