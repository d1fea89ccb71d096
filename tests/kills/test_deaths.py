"""What each way to die leaves of a directory, by events that are made up."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path

from stopgo_mixins.isolation.directory_tree import ContentStore, Entry, put_back, take
from stopgo_mixins.isolation.file_events import END, FileEvent
from stopgo_mixins.kills.death import Death, Way, deaths


class Run:
    """Events one after the other, each with the files as they are before it: name -> (content, inode)."""

    def __init__(self, directory: str) -> None:
        self.contents = ContentStore(Path(directory))
        self.events: list[FileEvent] = []

    def before(self, operation: str, path: str = "", source: str = "", **files: tuple[bytes, int]) -> Run:
        entries = {name: Entry("file", self.contents.add(data), 0, inode) for name, (data, inode) in files.items()}
        synced = entries.get(path) if operation == "fsync" else None
        detail = (synced.inode, synced.content) if synced else ()
        self.events.append(FileEvent(operation, path, source, 0, entries, *detail))
        return self

    def death(self, number: int, way: Way) -> Death:
        found = deaths(self.events, self.contents)
        return next(death for death in found if (death.number, death.way) == (number, way))

    def left(self, number: int, way: Way) -> dict[str, bytes]:
        tree = self.death(number, way).tree
        return {path: self.contents.content(entry.content) for path, entry in tree.items()}


class TestDeaths(unittest.TestCase):
    def run_of(self) -> Run:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        return Run(directory.name)

    def test_a_file_is_torn_in_the_middle_of_what_was_written_in_the_end(self) -> None:
        run = self.run_of().before("write", "a", old=(b"old", 1))
        run.before("mkdir", "b", a=(b"0123", 2), old=(b"old", 1)).before(END, a=(b"01234567", 2), old=(b"old", 1))
        self.assertEqual(run.left(1, Way.BEFORE), {"old": b"old"})
        self.assertEqual(run.left(1, Way.TORN), {"old": b"old", "a": b"0123"})
        self.assertEqual(run.death(1, Way.TORN).damaged, ("a",))

    def test_of_a_file_that_is_written_twice_the_first_content_counts(self) -> None:
        run = self.run_of().before("write", "a").before("write", "a", a=(b"1122", 1)).before(END, a=(b"333333", 1))
        self.assertEqual(run.left(1, Way.TORN), {"a": b"11"})
        self.assertEqual(run.left(2, Way.TORN), {"a": b"333"})

    def test_of_a_file_that_is_renamed_what_it_was_then(self) -> None:
        run = self.run_of().before("write", "a").before("rename", "b", "a", a=(b"1122", 1)).before(END, b=(b"1122", 1))
        self.assertEqual(run.left(1, Way.TORN), {"a": b"11"})

    def test_what_is_appended_is_torn_behind_the_rest(self) -> None:
        run = self.run_of().before("append", "a", a=(b"head", 1)).before(END, a=(b"headmore", 1))
        self.assertEqual(run.left(1, Way.TORN), {"a": b"headmo"})

    def test_a_name_cannot_be_torn(self) -> None:
        run = self.run_of().before("rename", "b", "a", a=(b"1", 1)).before(END, b=(b"1", 1))
        self.assertEqual(
            [death.way for death in deaths(run.events, run.contents) if death.number == 1][1:], [Way.UNSYNCED]
        )

    def test_what_was_not_written_through_is_empty(self) -> None:
        run = self.run_of().before("write", "a").before("rename", "b", "a", a=(b"1122", 1)).before(END, b=(b"1122", 1))
        self.assertEqual(run.left(3, Way.UNSYNCED), {"b": b""})
        self.assertEqual(run.death(3, Way.UNSYNCED).damaged, ("b",))

    def test_what_was_written_through_stays_under_another_name_too(self) -> None:
        run = self.run_of().before("write", "a").before("fsync", "a", a=(b"1122", 1))
        run.before("rename", "b", "a", a=(b"1122", 1)).before(END, b=(b"1122", 1))
        self.assertEqual(run.left(2, Way.UNSYNCED), {"a": b""})
        self.assertEqual(run.left(4, Way.UNSYNCED), {"b": b"1122"})
        self.assertEqual(run.death(4, Way.UNSYNCED).damaged, ())

    def test_until_the_file_is_written_anew(self) -> None:
        run = self.run_of().before("fsync", "a", a=(b"1", 1)).before("write", "a", a=(b"1", 1)).before(END, a=(b"2", 1))
        self.assertEqual(run.left(3, Way.UNSYNCED), {"a": b""})

    def test_or_removed_so_that_another_one_gets_its_number(self) -> None:
        run = self.run_of().before("fsync", "a", a=(b"1", 1)).before("remove", "a", a=(b"1", 1))
        run.before("write", "b").before(END, b=(b"2", 1))
        self.assertEqual(run.left(4, Way.UNSYNCED), {"b": b""})

    def test_what_was_there_before_the_run_stays(self) -> None:
        run = self.run_of().before("mkdir", "b", a=(b"1", 1)).before(END, a=(b"1", 1))
        self.assertEqual(run.left(2, Way.UNSYNCED), {"a": b"1"})

    def test_a_file_outside_has_no_death_of_its_own(self) -> None:
        run = self.run_of().before("fsync", "/elsewhere/a").before(END)
        self.assertEqual({death.number for death in deaths(run.events, run.contents)}, {2})


class TestDirectories(unittest.TestCase):
    def test_are_put_back_as_they_were(self) -> None:
        with tempfile.TemporaryDirectory() as work:
            store, directory = ContentStore(Path(work, "contents")), Path(work, "directory")
            (directory / "inner").mkdir(parents=True)
            (directory / "inner" / "a").write_bytes(b"1")
            (directory / "empty").touch()
            (directory / "link").symlink_to("inner/a")
            before = take(directory, store)
            (directory / "inner" / "a").write_bytes(b"2")
            (directory / "new").mkdir()
            (directory / "link").unlink()
            put_back(before, directory, store)
            after = take(directory, store)
        self.assertEqual(_without_inodes(after), _without_inodes(before))


def _without_inodes(tree: dict[str, Entry]) -> dict[str, tuple[str, str, int]]:
    return {path: (entry.kind, entry.content, entry.modified) for path, entry in tree.items()}


if __name__ == "__main__":
    unittest.main()
