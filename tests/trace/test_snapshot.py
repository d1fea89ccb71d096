from __future__ import annotations

import dataclasses
import datetime
import enum
import threading
import types
import unittest
import weakref
from collections import OrderedDict, UserDict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from stopgo_mixins.trace.leaves import UNINITIALIZED
from stopgo_mixins.trace.record import Leaf
from stopgo_mixins.trace.snapshot import EMPTY, MAX_OBJECTS, Unreadable, snapshot


class Point(NamedTuple):
    x: object
    y: object


@dataclasses.dataclass
class Sample:
    image: object
    label: object


class Color(enum.Enum):
    RED = 1


def leaves(value: object) -> dict[str, Leaf]:
    found = [(path, leaf) for path, leaf, _ in snapshot(value) if isinstance(leaf, Leaf)]
    paths = [path for path, _ in found]
    if len(paths) != len(set(paths)):
        raise AssertionError(f"two leaves share a path: {paths}")
    return dict(found)


def unreadable(value: object) -> dict[str, str]:
    return {path: str(leaf) for path, leaf, _ in snapshot(value) if isinstance(leaf, Unreadable)}


class TestContainers(unittest.TestCase):
    def test_every_leaf_has_a_path(self) -> None:
        tensor = torch.ones(2)
        value = {
            "a": [tensor, (1, 2.5)],
            "point": Point(x=tensor, y=None),
            "sample": Sample(image=tensor, label="cat"),
            1: True,
            "1": b"raw",
        }
        self.assertEqual(
            {path: leaf.kind for path, leaf in leaves(value).items()},
            {
                "['a'][0]": "tensor",
                "['a'][1][0]": "int",
                "['a'][1][1]": "float",
                "['point'].x": "tensor",
                "['point'].y": "None",
                "['sample'].image": "tensor",
                "['sample'].label": "str",
                "[1]": "bool",
                "['1']": "bytes",
            },
        )

    def test_the_order_of_a_mapping_does_not_matter_and_that_of_a_sequence_does(self) -> None:
        self.assertEqual(leaves({"a": 1, "b": 2}), leaves(OrderedDict([("b", 2), ("a", 1)])))
        self.assertEqual(leaves({"a": 1}), leaves(UserDict(a=1)))
        self.assertNotEqual(leaves([1, 2]), leaves([2, 1]))

    def test_sets_have_no_order(self) -> None:
        self.assertEqual(leaves({"b", "a", "c"}), leaves({"c", "b", "a"}))
        self.assertNotEqual(leaves({"a", "b"}), leaves({"a", "c"}))

    def test_an_empty_container_is_a_leaf_of_its_own(self) -> None:
        self.assertEqual(leaves({"groups": []})["['groups']"].kind, EMPTY)
        self.assertEqual(len({leaves(empty)[""] for empty in ([], {}, set())}), 3)
        self.assertNotEqual(leaves([]), leaves(None))
        self.assertNotEqual(leaves([]), leaves(torch.empty(0)))

    def test_an_enum_stands_for_its_name_and_as_a_key_for_its_value(self) -> None:
        self.assertEqual(leaves({Color.RED: Color.RED})["[1]"].scalar, "Color.RED")

    def test_a_generator_is_its_state(self) -> None:
        generator = torch.Generator().manual_seed(1)
        before = leaves(generator)
        self.assertEqual(list(before), [".state"])
        torch.rand(1, generator=generator)
        self.assertNotEqual(leaves(generator), before)


class TestLeaves(unittest.TestCase):
    def test_values_that_only_look_equal_differ(self) -> None:
        pairs: dict[str, tuple[Any, Any]] = {
            "type of a number": (1, 1.0),
            "bool": (1, True),
            "negative zero": (0.0, -0.0),
            "text": ("1", 1),
            "nothing": (None, 0),
            "dtype": (torch.zeros(2), torch.zeros(2, dtype=torch.float64)),
            "integer of the same bytes": (torch.zeros(2), torch.zeros(2, dtype=torch.int32)),
            "shape": (torch.zeros(2, 3), torch.zeros(3, 2)),
            "scalar tensor": (torch.tensor(1.0), torch.tensor([1.0])),
            "tensor and array": (torch.zeros(2), np.zeros(2, dtype=np.float32)),
            "byte order": (np.array([0], dtype="<i4"), np.array([0], dtype=">i4")),
            "next float": (1.0, float(np.nextafter(1.0, 2.0))),
            "dtype objects": (torch.float32, torch.float64),
            "path": (Path("a"), "a"),
            "date": (datetime.date(2020, 1, 1), datetime.date(2020, 1, 2)),
            "decimal": (Decimal("1.10"), Decimal("1.1")),
        }
        for name, (one, other) in pairs.items():
            with self.subTest(name):
                self.assertNotEqual(leaves(one), leaves(other))
                self.assertEqual(leaves(one), leaves(one))

    def test_the_device_type_is_part_of_the_value(self) -> None:
        self.assertEqual(leaves(torch.zeros(1))[""].device, "cpu")

    def test_sparse_tensors_are_taken_apart(self) -> None:
        dense = torch.tensor([[0.0, 2.0], [3.0, 0.0]])
        for layout in ("to_sparse", "to_sparse_csr", "to_sparse_csc"):
            with self.subTest(layout):
                sparse = getattr(dense, layout)()
                changed = getattr(dense * 2, layout)()
                self.assertIn(".values", leaves(sparse))
                self.assertEqual(leaves(sparse), leaves(getattr(dense.clone(), layout)()))
                self.assertNotEqual(leaves(sparse), leaves(changed))

    def test_a_mask_is_part_of_a_masked_array(self) -> None:
        one, other = (np.ma.masked_array([1, 2], mask=mask) for mask in ([True, False], [False, True]))
        self.assertNotEqual(leaves(one), leaves(other))


class Slotted:
    __slots__ = ("__private", "tensor", "unfilled")

    def __init__(self) -> None:
        self.tensor = torch.ones(2)
        self.__private = 3


class Node:
    """As graphs and batches are: it knows its parent, its children and how to work."""

    def __init__(self, value: float) -> None:
        self.value = torch.tensor(value)
        self.parent: Node | None = None
        self.children: list[Node] = []
        self.lock = threading.Lock()
        self.transform = abs
        self.owner = weakref.ref(self)

    def add(self, child: Node) -> Node:
        child.parent = self
        self.children.append(child)
        return child

    @property
    def expensive(self) -> float:
        raise AssertionError("a property was called")


class Frame:
    """Offers itself as an array, as data frames and images do."""

    def __init__(self, array: Any) -> None:
        self._array = array

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self._array


class TestObjects(unittest.TestCase):
    def test_attributes_and_slots(self) -> None:
        self.assertEqual(set(leaves(types.SimpleNamespace(a=1, b=[torch.ones(1)]))), {".a", ".b[0]"})
        self.assertEqual(set(leaves(Slotted())), {".tensor", "._Slotted__private"})

    def test_what_an_object_works_with_is_no_part_of_it(self) -> None:
        self.assertEqual(set(leaves(Node(1.0))), {".value", ".parent", ".children"})
        self.assertEqual(unreadable(Node(1.0)), {})

    def test_what_leads_back_is_left_out(self) -> None:
        root = Node(1.0)
        root.add(Node(2.0)).add(Node(3.0))
        paths = {".value", ".parent", ".children[0].value", ".children[0].children[0].value"}
        self.assertEqual(set(leaves(root)), {*paths, ".children[0].children[0].children"})
        for circle in ([1], {"a": 1}):
            with self.subTest(circle=circle):
                circle.append(circle) if isinstance(circle, list) else circle.update(b=circle)  # type: ignore[dict-item]
                self.assertEqual(len(leaves(circle)), 1)

    def test_the_same_object_twice_is_recorded_twice(self) -> None:
        shared = types.SimpleNamespace(a=1)
        self.assertEqual(leaves([shared, shared]), leaves([types.SimpleNamespace(a=1), types.SimpleNamespace(a=1)]))

    def test_how_deep_objects_are_followed(self) -> None:
        chain: Any = 0
        for _ in range(MAX_OBJECTS + 3):
            chain = types.SimpleNamespace(next=chain, here=1)
        self.assertEqual(len(leaves(chain)), MAX_OBJECTS)
        self.assertEqual(set(unreadable(chain)), {".next" * MAX_OBJECTS})
        self.assertIn(f"a types.SimpleNamespace inside of {MAX_OBJECTS} other objects", str(unreadable(chain)))
        lists: Any = 0
        for _ in range(30):
            lists = [lists]
        self.assertEqual(set(leaves(lists)), {"[0]" * 30})

    def test_a_changed_tensor_inside_shows(self) -> None:
        distributions = torch.distributions
        pairs = {
            "normal": lambda x: distributions.Normal(x, 1.0),
            "independent": lambda x: distributions.Independent(distributions.Normal(torch.full((2,), x), 1.0), 1),
            "transformed": lambda x: distributions.LogNormal(x, 1.0),
            "packed": lambda x: nn.utils.rnn.pack_sequence([torch.full((2,), x), torch.ones(1)]),
            "module": lambda x: nn.Linear(1, 1).requires_grad_(False).apply(lambda each: each.weight.fill_(x)),
            "namespace": lambda x: types.SimpleNamespace(nested={"deep": [torch.tensor(x)]}),
            "node": lambda x: Node(1.0).add(Node(x)),
            "frame": lambda x: Frame(np.array([[x, "a"]], dtype=object)),
            "image": lambda x: Frame(np.full((2, 2), x)),
        }
        for name, made in pairs.items():
            with self.subTest(name):
                torch.manual_seed(0)
                one = leaves(made(1.0))
                torch.manual_seed(0)
                self.assertEqual(one, leaves(made(1.0)))
                torch.manual_seed(0)
                other = leaves(made(2.0))
                self.assertEqual(one.keys(), other.keys())
                self.assertEqual(sum(one[path] != other[path] for path in one), 1, (one, other))
                self.assertEqual(unreadable(made(1.0)), {})

    def test_a_lazy_parameter_has_no_numbers_yet(self) -> None:
        layer = nn.LazyLinear(3)
        before = leaves(layer)
        self.assertEqual({leaf.kind for leaf in before.values()}, {UNINITIALIZED})
        self.assertEqual(before, leaves(nn.LazyLinear(3)))
        layer(torch.ones(1, 2))
        self.assertEqual(
            {path: leaf.shape for path, leaf in leaves(layer).items()}, {"['weight']": (3, 2), "['bias']": (3,)}
        )


class Failing(Mapping[str, int]):
    """Fails amid the walk through it."""

    def __len__(self) -> int:
        return 2

    def __iter__(self) -> Iterator[str]:
        return iter(("good", "bad"))

    def __getitem__(self, key: str) -> int:
        if key == "bad":
            raise KeyError("the file is gone")
        return 1


class TestUnreadable(unittest.TestCase):
    def test_it_names_the_type_the_path_and_what_can_be_recorded(self) -> None:
        found = unreadable({"batch": [object()], "name": "a"})
        self.assertEqual(list(found), ["['batch'][0]"])
        self.assertRegex(
            found["['batch'][0]"], "^a object in which nothing can be read. Record tensors, arrays, numbers"
        )
        self.assertEqual(set(leaves({"batch": [object()], "name": "a"})), {"['name']"})

    def test_a_meta_tensor_has_no_values(self) -> None:
        self.assertRegex(unreadable([torch.zeros(2, device="meta")])["[0]"], "meta.*it has no values")

    def test_an_array_of_objects_is_a_list_of_them(self) -> None:
        self.assertEqual(leaves(np.array([1, "a"], dtype=object)), leaves([1, "a"]))
        self.assertEqual(list(unreadable(np.array([object(), 1]))), ["[0]"])

    def test_padding(self) -> None:
        self.assertIn("include padding. Record it as float64", unreadable(np.zeros(2, dtype=np.longdouble))[""])

    def test_a_key_that_another_process_would_write_differently(self) -> None:
        found = unreadable({"state": {object(): 1, "a": 2}})
        self.assertRegex(found["['state']"], "^a object as a mapping's key: another process")
        self.assertEqual(set(leaves({"state": {object(): 1, "a": 2}})), {"['state']['a']"})

    def test_an_error_of_the_value_itself(self) -> None:
        class Broken:
            def __array__(self, *_args: Any) -> Any:
                raise OSError("no such file")

        found = unreadable([Failing(), Broken()])
        self.assertIn("Failing that cannot be read: KeyError: 'the file is gone'", found["[0]"])
        self.assertIn("Broken that cannot be read: OSError: no such file", found["[1]"])
        self.assertEqual(set(leaves(Failing())), {"['good']"})

    def test_nothing_is_consumed(self) -> None:
        numbers = iter([1, 2])
        self.assertIn("list_iterator", unreadable(numbers)[""])
        self.assertEqual(list(numbers), [1, 2])


if __name__ == "__main__":
    unittest.main()
