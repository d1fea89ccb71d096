"""Whatever is recorded: equal values compare equal, and any single change is found at exactly its path."""

from __future__ import annotations

import itertools
import tempfile
import threading
import unittest
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from stopgo_mixins.comparison.compare import Difference, Mismatch, compare
from stopgo_mixins.comparison.numbers import Distance, distance, is_nan, values_of
from stopgo_mixins.events import Moment, Position
from stopgo_mixins.trace.store import Trace, TraceWriter
from tests.comparison.synthetic import Phases
from tests.comparison.values import (
    FILLED,
    NUMBER_DTYPES,
    SCALARS,
    SHAPES,
    TENSOR_DTYPES,
    Block,
    Tree,
    blocks,
    few,
    trees,
)


def mismatches(actual: object, expected: object) -> list[Mismatch]:
    """Of a resume that recorded ``actual`` where the continuous run recorded ``expected``."""
    with tempfile.TemporaryDirectory() as directory:
        phases = Phases(Path(directory), num_steps=2, resume_point=1)
        phases.behaviour("metric", expected=lambda _: expected, resumed=lambda _: actual)
        comparison = compare(phases.runs(), "metric")
        for mismatch in comparison.mismatches:  # while the trace is there
            if mismatch.actual is not None and mismatch.expected is not None:
                distance(mismatch.actual, mismatch.expected)
        return comparison.mismatches


def paths(found: list[Mismatch]) -> list[str]:
    return sorted(mismatch.key.path for mismatch in found)


class TestNestedValues(unittest.TestCase):
    @few
    @given(trees(), st.sampled_from(["transposed", "strided", "shared"]))
    def test_equal_values_compare_equal_however_they_lie_in_memory(self, tree: Tree, layout: str) -> None:
        self.assertEqual(mismatches(tree.with_layouts(layout).build(), tree.build()), [])

    @few
    @given(trees(), blocks(dtypes=(*TENSOR_DTYPES, *NUMBER_DTYPES), shapes=FILLED), st.data())
    def test_any_changed_bit_is_found_at_its_path(self, tree: Tree, block: Block, data: st.DataObject) -> None:
        path = data.draw(st.sampled_from(_leaf_paths(tree)))
        changed = block.flipped(data.draw(st.integers(0, 8 * len(block.data) - 1)))
        found = mismatches(tree.replaced(path, changed).build(), tree.replaced(path, block).build())
        self.assertEqual(paths(found), [] if _differ_in_nan_only(block, changed) else [path])

    @few
    @given(trees(), SCALARS | blocks(), st.data())
    def test_any_other_leaf_is_found_at_its_path(self, tree: Tree, other: Any, data: st.DataObject) -> None:
        path = data.draw(st.sampled_from(_leaf_paths(tree)))
        assume(_identity(tree.leaves()[path]) != _identity(other))
        found = mismatches(tree.replaced(path, other).build(), tree.build())
        self.assertEqual(paths(found), [path])

    @few
    @given(trees(), st.text(max_size=2))
    def test_a_missing_or_unexpected_key_is_found_at_its_path(self, tree: Tree, key: str) -> None:
        smaller, larger = {"always": 1}, {"always": 1, f"more{key}": tree.build()}
        below = sorted(tree.leaves(f"[{f'more{key}'!r}]"))
        for actual, expected, difference in (
            (smaller, larger, Difference.MISSING),
            (larger, smaller, Difference.UNEXPECTED),
        ):
            found = mismatches(actual, expected)
            self.assertEqual(paths(found), below)
            self.assertEqual({mismatch.difference for mismatch in found}, {difference})

    @few
    @given(trees(), st.sampled_from([object(), iter(()), print, threading.Lock(), torch.empty(2, device="meta")]))
    def test_what_cannot_be_read_is_noted_and_the_rest_is_recorded(self, tree: Tree, value: object) -> None:
        with tempfile.TemporaryDirectory() as directory:
            writer = TraceWriter(Path(directory), rank=0, value_budget=0)
            writer.record("metric", Position(Moment.STEP_START, 0), {"good": tree.build(), "bad": [value]})
            writer.close()
            trace = Trace(Path(directory)).ranks[0]
            recorded = [record.key.path for record in trace.records("metric")]
            self.assertEqual(sorted(recorded), sorted(tree.leaves("['good']")))
            (noted,) = trace.events("not_observed")
            self.assertRegex(noted["what"], r"^metric \['bad'\]\[0\] \(a .*\)$")


def _leaf_paths(tree: Tree) -> list[str]:
    return sorted(path for path, leaf in tree.leaves().items() if leaf != ())


def _differ_in_nan_only(one: Block, other: Block) -> bool:
    """By NumPy and torch themselves, not by the code under test."""
    left, right = one.build(), other.build()
    if isinstance(left, np.ndarray):
        if left.dtype.kind not in "fc":
            return False
        left, right = (torch.from_numpy(array.astype(array.dtype.newbyteorder("="))) for array in (left, right))
    if left.is_complex():
        left, right = torch.view_as_real(left), torch.view_as_real(right)
    if not left.is_floating_point():
        return False
    changed = left.reshape(-1).view(torch.uint8) != right.reshape(-1).view(torch.uint8)
    elements = changed.reshape(-1, left.element_size()).any(-1)
    both_nan = left.double().isnan() & right.double().isnan()
    return bool(both_nan.reshape(-1)[elements].all())


def _identity(leaf: Any) -> Any:
    """What two leaves that count as equal have in common."""
    if isinstance(leaf, Block):
        return str(leaf.dtype), leaf.shape, leaf.data
    return type(leaf), repr(leaf)


class TestKinds(unittest.TestCase):
    """One element, entry or field changed in each kind of value that is taken apart."""

    def check(self, make: Callable[[int], object], path: str) -> None:
        self.assertEqual(mismatches(make(1), make(1)), [])
        self.assertEqual(paths(mismatches(make(2), make(1))), [path])

    def test_sparse_tensors(self) -> None:
        def dense(value: int) -> torch.Tensor:
            return torch.tensor([[0.0, value, 0, 0], [0, 0, 0, 3], [0, 0, 0, 0], [4, 0, 0, 0]])

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch calls some layouts beta
            for layout in (torch.sparse_coo, torch.sparse_csr, torch.sparse_csc):
                self.check(lambda value, to=layout: dense(value).to_sparse(layout=to), ".values")
            for layout in (torch.sparse_bsr, torch.sparse_bsc):
                self.check(lambda value, to=layout: dense(value).to_sparse(layout=to, blocksize=(2, 2)), ".values")

    def test_the_layout_and_the_size_of_a_sparse_tensor_count(self) -> None:
        indices, values = torch.tensor([0, 1, 2]), torch.ones(2)
        rows = torch.sparse_csr_tensor(indices, torch.tensor([0, 1]), values, (2, 2), check_invariants=True)
        columns = torch.sparse_csc_tensor(indices, torch.tensor([0, 1]), values, (2, 2), check_invariants=True)
        self.assertIn(".layout", paths(mismatches(rows, columns)))
        place = torch.tensor([[1]])
        small, large = (
            torch.sparse_coo_tensor(place, torch.ones(1), (size,), check_invariants=True) for size in (2, 3)
        )
        self.assertEqual(paths(mismatches(small, large)), [".size[0]"])

    def test_quantized_tensors(self) -> None:
        integers = torch.tensor([1, 2], dtype=torch.uint8)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch calls them deprecated
            self.check(lambda v: torch.quantize_per_tensor(torch.tensor([1.0, v]), 0.1, 0, torch.qint8), ".integers")
            self.check(lambda v: torch.quantize_per_tensor(torch.zeros(2), 0.1 * v, 0, torch.qint8), ".scale")
            self.check(lambda v: torch._make_per_tensor_quantized_tensor(integers, 0.1, v), ".zero_point")
            square, ones, zeros = torch.zeros(3, 3), torch.ones(3), torch.zeros(3, dtype=torch.int64)
            self.check(lambda v: torch.quantize_per_channel(square, ones, zeros, v - 1, torch.qint8), ".axis")
            self.check(lambda v: torch.quantize_per_channel(square, ones * v, zeros, 0, torch.qint8), ".scales")

    def test_nested_tensors(self) -> None:
        for layout in (torch.strided, torch.jagged):
            self.check(
                lambda v, to=layout: torch.nested.nested_tensor([torch.ones(2), torch.full((3,), v * 1.0)], layout=to),
                "[1]",
            )

    def test_masked_and_structured_arrays(self) -> None:
        self.check(lambda v: np.ma.masked_array([1, v], mask=[True, False]), ".data")
        self.check(lambda v: np.ma.masked_array([1, 2], mask=[True, v == 1]), ".mask")
        self.check(lambda v: np.array([(1.0, v)], dtype=[("a", "f4"), ("b", "i8")]), "['b']")

    def test_views_of_complex_tensors(self) -> None:
        base = torch.tensor([1 + 1j, 2 - 3j])
        self.assertEqual(mismatches(base.conj(), torch.tensor([1 - 1j, 2 + 3j])), [])
        self.assertEqual(paths(mismatches(base.conj(), base)), [""])
        self.assertEqual(mismatches(base.conj().imag, torch.tensor([-1.0, 3.0])), [])

    def test_negative_zero_differs(self) -> None:
        for actual, expected in ((-0.0, 0.0), (torch.tensor([1.0, -0.0]), torch.tensor([1.0, 0.0]))):
            self.assertEqual(paths(mismatches(actual, expected)), [""])

    def test_nan_is_nan_whatever_its_payload(self) -> None:
        for dtype, quiet, other in (
            (torch.float32, 0x7FC00000, -0x400001),
            (torch.bfloat16, 0x7FC0, 0x7FC1),
            (torch.float16, 0x7E00, 0x7C01),
            (torch.float8_e5m2, 0x7F, 0x7E),
            (torch.float64, 0x7FF8 << 48, (0x7FF8 << 48) + 1),
        ):
            integer = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}[dtype.itemsize]
            one, two = (torch.tensor([0, bits], dtype=integer).view(dtype) for bits in (quiet, other))
            self.assertEqual(mismatches(one, two), [], dtype)
            self.assertEqual(paths(mismatches(one, torch.zeros_like(one))), [""], dtype)
        self.assertEqual(mismatches(float("nan"), -float("nan")), [])

    def test_a_nan_that_hides_half_a_complex_number(self) -> None:
        nan = float("nan")
        self.assertEqual(mismatches(torch.tensor([complex(nan, 1)]), torch.tensor([complex(nan, 1)])), [])
        self.assertEqual(paths(mismatches(torch.tensor([complex(nan, 2)]), torch.tensor([complex(nan, 1)]))), [""])

    def test_a_scalar_of_another_kind_differs(self) -> None:
        alike = [1, 1.0, True, "1", b"1", (1 + 0j), "(1+0j)", "torch.float32", torch.float32, None, "None", []]
        for actual, expected in itertools.combinations(alike, 2):
            self.assertTrue(mismatches(actual, expected), (actual, expected))


class TestDistance(unittest.TestCase):
    @few
    @given(blocks((torch.float32, torch.bfloat16, torch.float8_e5m2, torch.int64, torch.complex64, torch.bool), FILLED))
    def test_the_element_shown_is_one_that_differs(self, block: Block) -> None:
        changed = block.flipped(0)
        assume(not _differ_in_nan_only(block, changed))
        gap = self.gap(changed.build(), block.build())
        self.assertEqual((gap.differing, set(gap.index)), (1, {0} if block.shape else set()))

    def gap(self, actual: torch.Tensor, expected: torch.Tensor) -> Distance:
        with tempfile.TemporaryDirectory() as directory:
            phases = Phases(Path(directory), num_steps=2, resume_point=1)
            phases.behaviour("metric", expected=lambda _: expected, resumed=lambda _: actual)
            (found,) = compare(phases.runs(), "metric").mismatches
            assert found.actual is not None and found.expected is not None
            gap = distance(found.actual, found.expected)
        assert gap is not None
        return gap

    def test_the_element_shown_where_subtraction_says_nothing(self) -> None:
        infinity, nan = float("inf"), float("nan")
        zeros = self.gap(torch.tensor([1.0, -0.0]), torch.tensor([1.0, 0.0]))
        self.assertEqual((zeros.index, zeros.actual, zeros.absolute, zeros.differing), ((1,), "-0", 0.0, 1))
        infinite = self.gap(torch.tensor([infinity, infinity, 5]), torch.tensor([infinity, 1, 7]))
        self.assertEqual((infinite.index, infinite.absolute, infinite.differing), ((1,), infinity, 2))
        missing = self.gap(torch.tensor([nan, 1.0, nan]), torch.tensor([nan, 2.0, 1]))
        self.assertEqual((missing.index, missing.actual, missing.differing, missing.ulps), ((2,), "nan", 2, None))
        large = self.gap(torch.tensor([2**60 + 1]), torch.tensor([2**60]))
        self.assertEqual((large.actual, large.differing), (str(2**60 + 1), 1))

    def test_packed_dtypes_are_compared_though_torch_cannot_compute_with_them(self) -> None:
        for dtype in (torch.uint4, torch.float4_e2m1fn_x2):
            one, other = (torch.tensor([3, value], dtype=torch.uint8).view(dtype) for value in (1, 2))
            self.assertEqual(mismatches(one, one), [])
            self.assertEqual(paths(mismatches(one, other)), [""])

    def test_values_come_back_as_they_were(self) -> None:
        for shape in SHAPES:
            tensor = torch.randn(shape, dtype=torch.float32).to(torch.bfloat16)
            with tempfile.TemporaryDirectory() as directory:
                writer = TraceWriter(Path(directory), rank=0, value_budget=0)
                writer.record("metric", Position(Moment.STEP_START, 0), tensor)
                writer.close()
                (record,) = Trace(Path(directory)).ranks[0].records("metric")
                values = values_of(record)
            assert values is not None
            self.assertTrue(torch.equal(values, tensor) and values.dtype is tensor.dtype)
            self.assertFalse(bool(is_nan(values).any()))


if __name__ == "__main__":
    unittest.main()
