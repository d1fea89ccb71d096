"""Which checkpoints a death leaves, and how many updates had been made, by what the stop phase said."""

from __future__ import annotations

import json
import tempfile
import unittest
from pathlib import Path

from stopgo_mixins.isolation.directory_tree import Entry, Tree
from stopgo_mixins.isolation.file_events import END, FileEvent
from stopgo_mixins.kills.left import StopLog


class TestLeft(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.run, self.path = Path(directory.name, "run"), Path(directory.name, "phase.jsonl")
        self.run.mkdir()
        self.events: list[FileEvent] = []

    def say(self, event: str, update: int, **files: str) -> int:
        """Adds a line, and a file event after it; files are path -> content."""
        name = {"path": str(self.run / f"step-{update}")} if event == "checkpoint_saved" else {}
        with self.path.open("a") as log:
            log.write(json.dumps({"event": event, "update": update, **name}) + "\n")
        size = self.path.stat().st_size
        self.events.append(FileEvent(END, "", "", size, _tree(**files)))
        return size

    @property
    def log(self) -> StopLog:
        return StopLog(self.path, self.run, self.events)

    def test_updates_are_those_that_were_said_before(self) -> None:
        sizes = [self.say("phase_start", 0), self.say("step_end", 1), self.say("step_end", 2)]
        self.assertEqual([self.log.updates(size) for size in sizes], [0, 1, 2])
        self.assertEqual(self.log.size, sizes[-1])

    def test_a_checkpoint_that_is_being_written_tells_of_its_update_first(self) -> None:
        sizes = [self.say("step_end", 1), self.say("checkpoint_saved", 2), self.say("step_end", 2)]
        self.assertEqual([self.log.updates(size) for size in sizes], [2, 2, 2])

    def test_half_a_line_says_nothing(self) -> None:
        size = self.say("step_end", 1)
        with self.path.open("a") as log:
            log.write('{"event": "step_e')
        self.assertEqual((self.log.size, self.log.updates(size + 5)), (size, 1))

    def test_whoever_died_before_the_first_word_has_made_none(self) -> None:
        self.assertEqual((self.log.size, self.log.updates(0)), (0, 0))

    def test_what_is_whole_and_what_is_torn(self) -> None:
        self.say("checkpoint_saved", 2, **{"step-2/a": "a2", "step-2/b": "b2"})
        self.say("checkpoint_saved", 4, **{"step-2/a": "a2", "step-4/a": "a4"})
        both = _tree(**{"step-2/a": "a2", "step-2/b": "b2", "step-2/added": "c", "step-4/a": "half"})
        self.assertEqual([version.update for version in self.log.whole_in(both)], [2])
        self.assertEqual(self.log.torn_in(both), ["step-4"])
        self.assertEqual((self.log.whole_in(_tree()), self.log.torn_in(_tree())), ([], []))

    def test_what_is_marked_as_unfinished_is_neither(self) -> None:
        self.say("checkpoint_saved", 2, **{"step-2": "a2"})
        for content in ("a2", "half"):
            marked = _tree(**{"step-2": content, "step-2-unfinished": ""})
            self.assertEqual((self.log.whole_in(marked), self.log.torn_in(marked)), ([], []))


def _tree(**files: str) -> Tree:
    return {path: Entry("file", content) for path, content in files.items()}


if __name__ == "__main__":
    unittest.main()
