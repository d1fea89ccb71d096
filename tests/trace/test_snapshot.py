from __future__ import annotations

import dataclasses
import enum
import unittest
from collections import OrderedDict, UserDict
from typing import Any, NamedTuple

import numpy as np
import torch

from stopgo_mixins import UnsupportedValueError
from stopgo_mixins.trace.record import Leaf
from stopgo_mixins.trace.snapshot import EMPTY, snapshot


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
    found = list(snapshot(value))
    paths = [path for path, _, _ in found]
    if len(paths) != len(set(paths)):
        raise AssertionError(f"two leaves share a path: {paths}")
    return {path: leaf for path, leaf, _ in found}


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


class TestUnsupported(unittest.TestCase):
    def test_the_error_names_the_type_the_path_and_what_can_be_recorded(self) -> None:
        with self.assertRaisesRegex(
            UnsupportedValueError, r"object at \['batch'\]\[0\].*Record tensors, arrays, numbers, strings"
        ):
            leaves({"batch": [object()]})

    def test_a_meta_tensor_has_no_values(self) -> None:
        with self.assertRaisesRegex(UnsupportedValueError, r"at \[0\].*meta.*it has no values"):
            leaves([torch.zeros(2, device="meta")])

    def test_an_array_of_objects(self) -> None:
        with self.assertRaisesRegex(UnsupportedValueError, "of Python objects"):
            leaves(np.array([object()]))

    def test_a_key_that_another_process_would_write_differently(self) -> None:
        with self.assertRaisesRegex(UnsupportedValueError, r"object at \['state'\].*key"):
            leaves({"state": {object(): 1}})


if __name__ == "__main__":
    unittest.main()
