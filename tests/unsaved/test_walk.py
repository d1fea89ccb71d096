"""How far a walk goes, and what it goes past."""

from __future__ import annotations

import collections
import functools
import itertools
import random
import tempfile
import types
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from lightning.pytorch.callbacks import EarlyStopping
from torch import nn
from torch.utils.data import ConcatDataset, DataLoader, TensorDataset

from stopgo_mixins.recorders.reach import walk as walking
from stopgo_mixins.recorders.reach.packages import is_packaged, is_users_class, stored_by_packages
from stopgo_mixins.recorders.reach.readings import MAX_BYTES, Clocks
from stopgo_mixins.recorders.reach.walk import Walk


def values(**roots: object) -> dict[str, object]:
    return dict(Walk(roots, (), {}, Clocks()).values())


class Holder:
    """An object of the user's."""

    def __init__(self, **held: object) -> None:
        vars(self).update(held)


class Watched:
    """Whose attributes must be read without asking it."""

    def __init__(self) -> None:
        self.quiet = 1

    @property
    def loud(self) -> int:
        raise AssertionError("a property was called")

    def __iter__(self) -> Any:
        raise AssertionError("it was iterated over")

    def __len__(self) -> int:
        raise AssertionError("its length was asked for")

    def __eq__(self, other: object) -> bool:
        raise AssertionError("it was compared")

    __hash__ = None  # type: ignore[assignment]  # as of most that compare


class TestWalk(unittest.TestCase):
    def test_nothing_of_the_users_is_called(self) -> None:
        self.assertEqual(values(a=Watched(), b=[Watched()]), {"a.quiet": 1, "b.len()": 1, "b[0].quiet": 1})

    def test_what_cannot_be_read_is_named(self) -> None:
        class Broken:
            @property
            def __class__(self) -> Any:  # as proxies have it
                raise RuntimeError("not connected")

            @__class__.setter
            def __class__(self, kind: type) -> None:
                pass

        walk = Walk({"a": Broken(), "b": 1}, (), {}, Clocks())
        self.assertEqual(dict(walk.values()), {"b": 1})
        self.assertEqual(walk.left_alone, {"a": "RuntimeError as it was read: not connected"})

    def test_circles_and_what_is_shared(self) -> None:
        inner = Holder(number=1)
        outer = Holder(far=[[inner]], near=inner)
        inner.outer = outer  # type: ignore[attr-defined]  # what the user puts on it
        found = values(root=outer)
        self.assertEqual(found, {"root.far.len()": 1, "root.far[0].len()": 1, "root.near.number": 1})

    def test_values_are_read_wherever_they_are_shared(self) -> None:
        tensor = torch.ones(2)
        self.assertEqual(set(values(root=Holder(a=tensor, b=[tensor]))), {"root.a", "root.b.len()", "root.b[0]"})

    def test_the_order_of_attributes_is_of_no_matter(self) -> None:
        shared = Holder(number=1)
        paths = [
            list(values(root=Holder(**dict(order)))) for order in itertools.permutations([("b", shared), ("a", shared)])
        ]
        self.assertEqual(paths, [["root.a.number"]] * 2)

    def test_keys(self) -> None:
        mapping = {"a": 1, ("b", 2): 2, torch.float32: 3, Holder: 4, "/tmp/x/step-3": 5, types.MappingProxyType: 6}
        paths = {"m.len()", "m['a']", "m[('b', 2)]", "m[torch.float32]", "m[#3]", "m['step-3']", "m[#5]"}
        self.assertEqual(set(values(m=mapping)), paths)

    def test_sets_have_no_order(self) -> None:
        self.assertEqual(values(s={"b", "a"}), {"s": "{'a', 'b'}"})

    def test_many_numbers_are_one_array(self) -> None:
        found = values(l=[*range(33)], f=[0.5] * 40, short=[1, 2])
        self.assertEqual(set(found), {"l", "f", "short.len()", "short[0]", "short[1]"})
        np.testing.assert_array_equal(found["l"], range(33))

    def test_numbers_beyond_any_array(self) -> None:
        self.assertEqual(len(values(l=[2**99] * 40)), 41)

    def test_both_ends_of_a_long_container(self) -> None:
        found = values(d=collections.deque(map(str, range(5000))))
        self.assertEqual(len(found), 2001)
        self.assertEqual((found["d.len()"], found["d[0]"], found["d[4999]"]), (5000, "0", "4999"))
        self.assertNotIn("d[2000]", found)

    def test_it_comes_to_an_end(self) -> None:
        with mock.patch.object(walking, "MAX_VALUES", 10):
            walk = Walk({"a": [str(number) for number in range(20)]}, (), {}, Clocks())
            self.assertEqual(len(list(walk.values())), 10)
            self.assertEqual(list(walk.left_alone), ["a[8]"])

    def test_what_is_too_large_is_named(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            mapped = np.memmap(Path(directory) / "x", mode="w+", shape=3)
            walk = Walk({"a": torch.empty(MAX_BYTES + 1, dtype=torch.uint8), "b": mapped, "c": 1}, (), {}, Clocks())
            self.assertEqual(dict(walk.values()), {"c": 1})
        self.assertEqual(set(walk.left_alone), {"a", "b"})

    def test_what_others_own_or_save(self) -> None:
        tensor, holder = torch.ones(2), Holder(best=1, rest=2)
        walk = Walk({"a": tensor, "b": holder}, {id(tensor)}, {id(holder): {"best"}}, Clocks())
        self.assertEqual(dict(walk.values()), {"b.rest": 2})

    def test_tensors_without_values(self) -> None:
        self.assertEqual(values(a=torch.ones(2, device="meta")), {})

    def test_every_generator(self) -> None:
        generators = (
            *(torch.Generator(), np.random.default_rng(1), np.random.RandomState(1), np.random.PCG64(1)),
            *(np.random.SeedSequence(1), random.Random(1)),
        )
        self.assertEqual(len(values(g=generators)), len(generators))
        self.assertEqual(values(g=random.SystemRandom()), {})

    def test_iterators_are_not_moved(self) -> None:
        iterators: list[Any] = [
            *(iter([1, 2]), iter((1, 2)), iter(range(9)), iter({1: 2}), iter("ab"), itertools.count(3)),
            *(itertools.cycle([1, 2]), enumerate("ab"), zip("ab", "cd", strict=True), map(str, [1, 2])),
            *(itertools.chain([1], [2]), itertools.islice([1, 2], 2), reversed([1, 2]), filter(None, [1, 2])),
        ]
        for iterator in iterators:
            with self.subTest(type(iterator).__name__):
                before = {path: str(value) for path, value in values(i=iterator).items()}
                self.assertEqual(before, {path: str(value) for path, value in values(i=iterator).items()})
                next(iterator)
                after = {path: str(value) for path, value in values(i=iterator).items()}
                self.assertNotEqual(before, after)

    def test_a_generator_at_its_end(self) -> None:
        numbers = (number for number in ())
        list(numbers)
        self.assertEqual(values(g=numbers), {"g.position": "at its end"})

    def test_a_variable_of_a_closure_that_has_no_value_yet(self) -> None:
        def outer() -> Any:
            def inner() -> object:
                return (early, late)

            early = 1
            if not early:
                late = 2
            return inner

        self.assertEqual(values(f=outer()), {"f.closure['early']": 1})


class TestPackages(unittest.TestCase):
    def test_whose(self) -> None:
        for kind in (nn.Linear, collections.Counter, dict, EarlyStopping, np.ndarray, Walk):
            self.assertFalse(is_users_class(kind), kind)
        self.assertTrue(is_users_class(Holder))
        self.assertTrue(is_packaged("torch.nn") and is_packaged("json") and is_packaged(None))
        self.assertFalse(is_packaged("torchy") or is_packaged("tests.x"))

    def test_what_a_package_sets_on_its_objects(self) -> None:
        class Mine(EarlyStopping):
            def __init__(self) -> None:
                super().__init__("loss")
                self.own = 1

        self.assertLessEqual({"patience", "best_score", "wait_count"}, stored_by_packages(Mine))
        self.assertNotIn("own", stored_by_packages(Mine))
        self.assertEqual(values(c=Mine()), {"c.own": 1})

    def test_many_names_in_one_function(self) -> None:
        names = [f"name_{number}" for number in range(600)]
        body = "\n".join(f"    self.{name} = 1" for name in names)
        scope: dict[str, Any] = {"__name__": "torch.made_up"}
        exec(f"def __init__(self):\n{body}", scope)
        kind = type("Wide", (), {"__init__": scope["__init__"], "__module__": "torch.made_up"})
        self.assertEqual(stored_by_packages(kind), set(names))

    def test_what_a_package_does_not_know_is_the_users(self) -> None:
        layer = nn.Linear(1, 1)
        layer.mine, layer._theirs = 1, 2
        found = values(m=layer)
        self.assertEqual(found["m.mine"], 1)
        self.assertNotIn("m._theirs", found)

    def test_objects_of_packages_lead_to_the_users(self) -> None:
        class Mine(TensorDataset):
            pass

        inner = Mine(torch.ones(2))
        inner.seen = 3  # type: ignore[attr-defined]  # what the user puts on it
        wrapped = ConcatDataset([TensorDataset(torch.zeros(1)), inner])
        loader = DataLoader(wrapped, collate_fn=functools.partial(print, Holder(calls=4)))
        found = values(train=loader)
        self.assertEqual(found["train.dataset.datasets[1].seen"], 3)
        self.assertEqual(found["train.collate_fn.args[0].calls"], 4)


if __name__ == "__main__":
    unittest.main()
