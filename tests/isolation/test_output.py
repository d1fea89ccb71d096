from __future__ import annotations

import contextlib
import io
import logging
import os
import pty
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from stopgo_mixins.isolation.output import captured_output, last_lines, progress

CAPTURES = """
import ctypes, logging, os, pathlib, subprocess, sys
from stopgo_mixins.isolation.output import captured_output

libc = ctypes.CDLL(None)
logging.basicConfig(format="%(message)s")
print("stdout before")
sys.stderr.write("stderr before\\n")
libc.printf(b"printf before\\n")
with captured_output(pathlib.Path(sys.argv[1])):
    print("captured print")
    sys.stderr.write("captured stderr\\n")
    sys.__stdout__.write("captured original stdout\\n")
    os.write(1, b"captured descriptor 1\\n")
    os.write(2, b"captured descriptor 2\\n")
    libc.printf(b"captured printf\\n")
    logging.warning("captured log")
    subprocess.run(["echo", "captured child process"], check=True)
print("stdout after")
sys.stderr.write("stderr after\\n")
"""

STANDARD_OUTPUT_IS_CLOSED = """
import os, pathlib, sys
from stopgo_mixins.isolation.output import captured_output

os.close(1)
with captured_output(pathlib.Path(sys.argv[1])):
    sys.stderr.write("captured stderr\\n")
sys.stderr.write("stderr after\\n")
"""


def run_script(source: str, log: Path) -> subprocess.CompletedProcess[str]:
    """Runs it as in a pipe: with every stream buffered, those of the C library included."""
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run([sys.executable, "-c", source, log], capture_output=True, text=True, check=True, env=buffered)


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


class TestCapturedOutput(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.log = Path(directory.name) / "log"

    def test_takes_all_output_and_only_that_of_the_body(self) -> None:
        done = run_script(CAPTURES, self.log)
        self.assertEqual(set(done.stdout.splitlines()), {"stdout before", "printf before", "stdout after"})
        self.assertEqual(done.stderr.splitlines(), ["stderr before", "stderr after"])
        self.assertEqual(
            set(self.log.read_text().splitlines()),
            {
                "captured print",
                "captured stderr",
                "captured original stdout",
                "captured descriptor 1",
                "captured descriptor 2",
                "captured printf",
                "captured log",
                "captured child process",
            },
        )

    def test_leaves_a_handler_alone_that_opens_a_stream_when_it_needs_one(self) -> None:
        class Lazy(logging.StreamHandler):  # type: ignore[type-arg]  # as torch's handler for torch.compile
            def emit(self, record: logging.LogRecord) -> None:
                if self.stream is not None:
                    self.stream.close()

        logger = logging.getLogger("stopgo_mixins.test_output")
        self.addCleanup(logger.handlers.clear)
        lazy = Lazy()
        lazy.stream = None
        logger.addHandler(lazy)
        with captured_output(self.log):
            logger.warning("")
            sys.stderr.write("captured stderr\n")
        self.assertIn("captured stderr\n", self.log.read_text())

    def test_takes_messages_of_handlers_that_are_bound_to_another_stream(self) -> None:
        logger = logging.getLogger("stopgo_mixins.test_output")
        self.addCleanup(logger.handlers.clear)
        with tempfile.TemporaryFile("w+") as stream:
            logger.addHandler(logging.StreamHandler(stream))
            logger.addHandler(in_memory := logging.StreamHandler(io.StringIO()))  # as pytest's are
            logger.addHandler(to_file := logging.FileHandler(self.log.parent / "users.log"))
            self.addCleanup(to_file.close)
            logger.warning("before")
            with captured_output(self.log):
                logger.warning("captured")
            logger.warning("after")
            stream.seek(0)
            self.assertEqual(stream.read(), "before\nafter\n")
        self.assertEqual(self.log.read_text(), "captured\n")
        self.assertEqual(in_memory.stream.getvalue(), "before\nafter\n")
        self.assertEqual((self.log.parent / "users.log").read_text(), "before\ncaptured\nafter\n")

    def test_a_handler_whose_stream_is_closed_does_no_harm(self) -> None:
        logger = logging.getLogger("stopgo_mixins.test_output")
        stream = io.StringIO()
        logger.addHandler(handler := logging.StreamHandler(stream))
        self.addCleanup(logger.removeHandler, handler)
        stream.close()
        with captured_output(self.log):
            logger.warning("captured")
        self.assertIs(handler.stream, stream)

    def test_a_handler_that_is_made_meanwhile_does_not_keep_the_closed_file(self) -> None:
        logger = logging.getLogger("stopgo_mixins.test_output")
        self.addCleanup(logger.handlers.clear)
        with captured_output(self.log):
            logger.addHandler(handler := logging.StreamHandler())
            logger.warning("captured")
        self.assertIn("captured\n", self.log.read_text())
        self.assertIs(handler.stream, sys.stderr)

    def test_puts_the_streams_back_after_an_error(self) -> None:
        streams = sys.stdout, sys.stderr
        with self.assertRaisesRegex(ValueError, "broken"), captured_output(self.log):
            sys.stdout.write("the last words")
            raise ValueError("broken")
        self.assertEqual((sys.stdout, sys.stderr), streams)
        self.assertEqual(last_lines(self.log), ["the last words"])

    def test_leaves_no_descriptor_open(self) -> None:
        before = open_descriptors()
        for _ in range(3):
            with captured_output(self.log):
                pass
        self.assertEqual(open_descriptors(), before)

    def test_works_where_standard_output_is_closed(self) -> None:
        done = run_script(STANDARD_OUTPUT_IS_CLOSED, self.log)
        self.assertEqual(done.stderr, "stderr after\n")
        self.assertEqual(self.log.read_text(), "captured stderr\n")

    def test_the_end_of_a_file_that_is_not_there_is_empty(self) -> None:
        self.assertEqual(last_lines(self.log), [])
        self.log.write_text("\n".join(map(str, range(40))))
        self.assertEqual(last_lines(self.log), [str(number) for number in range(25, 40)])


class TestProgress(unittest.TestCase):
    def test_is_shown_on_a_terminal_while_the_body_runs_and_taken_away(self) -> None:
        terminal, side = pty.openpty()
        self.addCleanup(os.close, terminal)
        with os.fdopen(side, "w", encoding="utf-8") as stream, contextlib.redirect_stderr(stream):
            with progress("TestX: resume phase ..."):
                during = os.read(terminal, 1000)
            after = os.read(terminal, 1000)
        self.assertEqual(during.decode(), "\x1b7\x1b[?7lTestX: resume phase ...\x1b[?7h")  # save, cut off, wrap again
        self.assertEqual(after.decode(), "\x1b8\x1b[K")  # restore, erase the rest: what stood before is still there

    def test_within_another_one_stands_behind_it_and_leaves_it_there(self) -> None:
        terminal, side = pty.openpty()
        self.addCleanup(os.close, terminal)
        with os.fdopen(side, "w", encoding="utf-8") as stream, contextlib.redirect_stderr(stream):
            with progress("fault 1 of 2 ..."):
                os.read(terminal, 1000)
                with progress("resume phase ..."):
                    during = os.read(terminal, 1000)
                after = os.read(terminal, 1000)
            end = os.read(terminal, 1000)
        self.assertEqual(during.decode(), "\x1b8\x1b[K\x1b[?7lfault 1 of 2 ... resume phase ...\x1b[?7h")
        self.assertEqual(after.decode(), "\x1b8\x1b[K\x1b[?7lfault 1 of 2 ...\x1b[?7h")
        self.assertEqual(end.decode(), "\x1b8\x1b[K")

    def test_is_not_shown_elsewhere(self) -> None:
        with contextlib.redirect_stderr(io.StringIO()) as stream, progress("TestX: resume phase ..."):
            pass
        self.assertEqual(stream.getvalue(), "")


if __name__ == "__main__":
    unittest.main()
