"""What a process leaves that is really killed is what was written down of one that was not."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import threading
import unittest
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from stopgo_mixins.isolation.directory_tree import take
from stopgo_mixins.isolation.ending import ProcessEnd
from stopgo_mixins.isolation.file_events import END, FileEvent, FileEventLog
from stopgo_mixins.isolation.launcher import PhaseProcess, start_server
from stopgo_mixins.kills.killed import Killed
from stopgo_mixins.kills.processes import FILE_EVENTS
from stopgo_mixins.mode import Mode
from stopgo_mixins.trials.stopped import subclass
from tests.kills import cases

BEGIN = """
import os, shutil, sys, torch
from pathlib import Path
from stopgo_mixins.isolation.file_events import FileEventLog
from stopgo_mixins.isolation.file_watch import FileWatch
work = Path(sys.argv[1])
watched = work / "watched"
watched.mkdir()
watch = FileWatch(watched, FileEventLog(work / "log"), work / "said")
watch.start()
os.chdir(watched)
"""

OPERATIONS = """
os.makedirs("a/b")
os.makedirs("a/b", exist_ok=True)
with open("a/python", "wb") as file:
    file.write(b"12")
    file.flush()
    os.fsync(file.fileno())
open("a/python", "a").close()
open("a/python").close()
torch.save({}, "a/torch.pt")
os.symlink("torch.pt", "a/link")
open("a/link", "wb").close()
os.replace("a/python", "a/renamed")
(work / "outside").write_bytes(b"3")
os.rename(work / "outside", "inside")
os.truncate("inside", 0)
if os.fork() == 0:
    Path("of_a_child").touch()
    os._exit(0)
os.wait()
shutil.rmtree("a")
watch.end()
Path("later").touch()
"""

SAFETENSORS = """
from safetensors.torch import save_file
save_file({"x": torch.zeros(1)}, "a")
watch.end()
"""


def events_of(operations: str) -> list[FileEvent]:
    """What is seen of a program."""
    with tempfile.TemporaryDirectory() as work:
        subprocess.run([sys.executable, "-W", "ignore", "-c", BEGIN + operations, work], check=True)
        return FileEventLog(Path(work, "log")).read()


class TestWhatIsSeen(unittest.TestCase):
    def test_every_operation_inside_and_none_outside(self) -> None:
        events = events_of(OPERATIONS)
        seen = [(event.operation, event.path) for event in events]
        self.assertEqual(
            seen[:-6],
            [
                ("mkdir", "a"),
                ("mkdir", "a/b"),
                ("write", "a/python"),
                ("fsync", "a/python"),
                ("append", "a/python"),
                ("write", "a/torch.pt"),
                ("link", "a/link"),
                ("write", "a/torch.pt"),
                ("rename", "a/renamed"),
                ("rename", "inside"),
                ("truncate", "inside"),
                ("append", "of_a_child"),
            ],
        )
        removed = [("remove", f"a/{name}") for name in ("link", "renamed", "torch.pt")]
        self.assertEqual(sorted(seen[-6:]), sorted([(END, ""), ("rmdir", "a"), ("rmdir", "a/b"), *removed]))
        synced = next(event for event in events if event.operation == "fsync")
        self.assertEqual(synced.content, synced.tree["a/python"].content)

    @unittest.skipUnless(find_spec("safetensors"), "needs safetensors")
    def test_a_writer_that_python_does_not_see(self) -> None:
        self.assertEqual(
            [(event.operation, event.path) for event in events_of(SAFETENSORS)], [("write", "a"), (END, "")]
        )


class TestRealDeaths(unittest.TestCase):
    def test_leave_what_was_written_down_before_each_event(self) -> None:
        seen = []
        for number in range(1, 5):
            killed: Any = subclass(Killed, cases.LoadsTheNewest, "LoadsTheNewest")
            killed.original, killed.dies_at = cases.LoadsTheNewest, number
            killed.make_run_directory()
            self.addCleanup(killed.tempdir.cleanup)
            end = self.stop(killed)
            log = FileEventLog(killed.metadata_dir / FILE_EVENTS)
            event = log.read()[-1]
            self.assertEqual(take(killed.run_directory(Mode.STOP), log.contents), event.tree)
            seen.append((event.operation, end.status))
        killing = -signal.SIGKILL
        self.assertEqual(seen, [("mkdir", killing), ("write", killing), ("write", killing), (END, killing)])

    def stop(self, killed: Any) -> ProcessEnd:
        start_server(killed._preload)
        request = killed._make_request_maker()(Mode.STOP)
        return PhaseProcess(request, threading.Event()).run(300.0)


if __name__ == "__main__":
    unittest.main()
