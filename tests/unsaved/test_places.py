"""State that is kept where no trainer looks: on the test class itself, and in what a loop of one's own reads."""

from __future__ import annotations

import itertools
import re
import unittest
from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from parameterized import parameterized
from torch import Tensor, nn
from torch.utils.data import BatchSampler, DataLoader, Dataset, Sampler, Subset

from stopgo_mixins import AtStep, LoopRun, Mode
from stopgo_mixins.mixins.own_objects import own_objects
from stopgo_mixins.recorders.reach.loaders import roots_of_loader
from tests.loop.tiny import STEPS_PER_EPOCH, TinyLoopMixin
from tests.loop.tiny import Loop as TinyLoop
from tests.outcome import Outcome, concrete, run
from tests.unsaved.keeping import KeepingMixin, Net


class Curriculum:
    """How hard the task is by now."""

    def __init__(self) -> None:
        self.level = 0


class PlainNet(Net):
    """Keeps nothing."""

    def kept(self) -> Any:
        return None

    def take_back(self, kept: Any) -> None:
        pass


class CurriculumMixin(KeepingMixin, abstract=True):
    """The test class itself holds the curriculum, and its own hook makes it harder."""

    net = PlainNet
    curriculum: ClassVar[Curriculum]
    begins_at: ClassVar[int] = 0
    history: ClassVar[list[int]]

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        cls.curriculum = Curriculum()
        cls.curriculum.level = cls.begins_at if mode is Mode.RESUME else 0
        return super().setup_model(mode)

    @classmethod
    def update(cls, loop: Any, batch: Any, run: Any) -> None:
        cls.curriculum.level += 1
        cls.history.append(cls.curriculum.level)
        super().update(loop, batch, run)


class TestOnTheTestClass(unittest.TestCase):
    def test_lost(self) -> None:
        outcome = run(concrete(CurriculumMixin, history=[]))
        message = " ".join(outcome.failed["unsaved_state"].split())
        self.assertIn(
            "training changes test_class.curriculum.level, and the checkpoint did not bring it back: it is 1, as at "
            "state 0, instead of 4; save it with the checkpoint, or let setup_model make it anew",
            message,
        )

    def test_kept(self) -> None:
        outcome = run(concrete(CurriculumMixin, history=[], begins_at=3))
        self.assertEqual((outcome.failed, outcome.error), ({}, ""))  # although history goes on from phase to phase
        self.assertIn("unsaved_state", outcome.passed)

    def test_what_the_user_has_put_there(self) -> None:
        case: Any = concrete(CurriculumMixin, history=[], test_own=lambda self: None, helper=staticmethod(len))
        run(case)
        names = ("curriculum", "history", "begins_at", "saves")
        self.assertEqual(set(own_objects(case)), {f"test_class.{name}" for name in names})


class Windows(Sampler[int]):
    """Begins each epoch one sample later."""

    def __init__(self) -> None:
        self.offset = 0

    def __len__(self) -> int:
        return 2 * STEPS_PER_EPOCH

    def __iter__(self) -> Iterator[int]:
        self.offset += 1
        return iter([(number + self.offset) % len(self) for number in range(len(self))])


class Samples(Dataset[Any]):
    """Counts what is read."""

    def __init__(self) -> None:
        self.rows = torch.randn(2 * STEPS_PER_EPOCH, 4, generator=torch.Generator().manual_seed(1))
        self.read = 0

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Any:
        self.read += 1
        return self.rows[index]


class Collating:
    """Counts its batches."""

    def __init__(self) -> None:
        self.batches = 0

    def __call__(self, rows: list[Tensor]) -> Any:
        self.batches += 1
        stacked = torch.stack(rows)
        return stacked[:, :3], stacked[:, 3:]


class Reader:
    """A loader of one's own."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        self.loader, self.reads = loader, 0

    def __iter__(self) -> Iterator[Any]:
        for batch in self.loader:
            self.reads += 1
            yield batch


PARTS = ("dataset", "sampler", "collate_fn")


class ReadingLoop(TinyLoop):
    """Reads from one loader in all epochs; a checkpoint holds what these objects count, or forgets it."""

    def __init__(self, model: nn.Module, settings: Any, run: LoopRun) -> None:
        self.loader: Any = DataLoader(Samples(), batch_size=2, sampler=Windows(), collate_fn=Collating())
        if settings.wraps:
            self.loader = Reader(self.loader)
        super().__init__(model, settings, run)

    @property
    def counting(self) -> list[dict[str, Any]]:
        loader = self.loader.loader if isinstance(self.loader, Reader) else self.loader
        parts = [getattr(loader, part) for part in PARTS] + [self.loader] * isinstance(self.loader, Reader)
        return [vars(part) for part in parts]

    def save(self) -> None:
        counts = [{name: count for name, count in each.items() if isinstance(count, int)} for each in self.counting]
        torch.save(counts, self.run.directory / f"counts-{self.step}")
        super().save()

    def load(self, path: Any) -> None:
        super().load(path)
        if self.settings.keeps_counts:  # type: ignore[attr-defined]  # of the classes here
            for each, counts in zip(self.counting, torch.load(path.with_name(f"counts-{self.step}")), strict=True):
                each.update(counts)

    def epoch(self) -> None:
        self.run.progress(epoch=self.number_of_epoch)
        for batch in itertools.islice(self.run.batches(self.loader), STEPS_PER_EPOCH):
            self.forward(batch)
            self.update()
            if self.is_over:
                return
        self.number_of_epoch += 1


class ReadingMixin(TinyLoopMixin, abstract=True):
    """Interrupted at an epoch's end."""

    num_steps = 11
    interruption = AtStep(8)
    keeps_counts = False
    wraps = False

    @classmethod
    def train_loop(cls, run: LoopRun) -> None:
        loop = ReadingLoop(cls.make_net(), cls, run)
        if run.resume_from:
            loop.load(run.resume_from)
        while not loop.is_over:
            loop.epoch()


class TestInWhatALoopReads(unittest.TestCase):
    def outcome_of(self, **attributes: object) -> Outcome:
        self.case: Any = concrete(ReadingMixin, **attributes)
        outcome = run(self.case)
        self.assertEqual(outcome.error, "")
        return outcome

    @parameterized.expand([(False,), (True,)])
    def test_lost(self, wraps: bool) -> None:
        outcome = self.outcome_of(wraps=wraps)
        restored = {found.key.path for found in self.case.comparison("unsaved_state").at_first}
        paths = {"loader.dataset.read", "loader.sampler.offset", "loader.collate_fn.batches"}
        if wraps:
            paths = {path.replace("loader", "loader.loader") for path in paths} | {"loader.reads"}
        self.assertLessEqual(paths, restored)
        message = re.sub(r"\s+", " ", outcome.failed["unsaved_state"])
        self.assertIn("let state_dict of its owner return it, load_state_dict take it back", message)

    @parameterized.expand([(False,), (True,)])
    def test_kept(self, wraps: bool) -> None:
        outcome = self.outcome_of(wraps=wraps, keeps_counts=True)
        self.assertEqual(outcome.failed, {})
        self.assertIn("unsaved_state", outcome.passed)

    def test_lists_and_generators_are_what_is_left_to_read(self) -> None:
        for loader in ([1, 2], (number for number in [1]), iter([1]), itertools.islice([1], 1), None):
            self.assertEqual(list(roots_of_loader("loader", loader)), [])
        samples = Samples()
        rest = DataLoader(Subset(samples, [3, 4]), batch_size=2, sampler=[1, 0])  # type: ignore[arg-type]  # as people do
        self.assertEqual(set(dict(roots_of_loader("loader", rest))), {"loader.dataset", "loader.collate_fn"})
        self.assertIs(dict(roots_of_loader("loader", rest))["loader.dataset"], samples)

    def test_samplers_that_packages_put_around_others(self) -> None:
        sampler = Windows()
        inner = BatchSampler(sampler, 2, drop_last=False)
        skipping = BatchSampler(inner, 1, drop_last=False)  # type: ignore[arg-type]  # as a loop skips batches
        for batches in (inner, skipping):
            loader = DataLoader(Samples(), batch_sampler=batches)
            roots = dict(roots_of_loader("loader", loader))
            self.assertEqual(set(roots), {"loader.dataset", "loader.sampler", "loader.collate_fn"})
            self.assertIs(roots["loader.sampler"], sampler)


if __name__ == "__main__":
    unittest.main()
