"""The digest that a GPU computes, computed on a CPU; ``tests/gpu`` has it computed by a GPU."""

from __future__ import annotations

import unittest
from unittest import mock

import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import Tensor

from stopgo_mixins.trace import device_digest, leaves
from stopgo_mixins.trace.device_digest import ALGORITHM, device_digests
from stopgo_mixins.trace.digest import tensor_bytes
from tests.trace.reference_digest import reference_digest
from tests.trace.test_store import LARGE, WithTrace, state

WORDS = st.lists(st.integers(-(2**63), 2**63 - 1), min_size=2, max_size=40)


def digest(tensor: Tensor) -> str:
    (found,) = device_digests([tensor])
    return found


def of_words(words: list[int]) -> str:
    return digest(torch.tensor(words, dtype=torch.int64))


class TestAgainstReference(unittest.TestCase):
    def assert_agrees(self, *tensors: Tensor) -> None:
        expected = [reference_digest(bytes(tensor_bytes(tensor))) for tensor in tensors]
        self.assertEqual(device_digests(tensors), expected)

    @given(st.lists(st.binary(max_size=70), max_size=12))
    def test_bytes_of_any_length_and_many_tensors_at_once(self, contents: list[bytes]) -> None:
        self.assert_agrees(*(torch.tensor(list(each), dtype=torch.uint8) for each in contents))

    def test_every_dtype(self) -> None:
        for dtype in (
            *(torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2),
            *(torch.complex64, torch.complex128, torch.int8, torch.uint8, torch.int16, torch.int64, torch.bool),
        ):
            with self.subTest(dtype=dtype):
                self.assert_agrees(torch.arange(7).to(torch.float32).to(dtype), torch.zeros(()).to(dtype))

    def test_every_layout(self) -> None:
        values = torch.randn(6, 4, 2, generator=torch.Generator().manual_seed(0))
        self.assert_agrees(
            values.transpose(0, 1),
            values[1:, 1],
            values.reshape(-1)[1:],
            values.to(memory_format=torch.contiguous_format)[..., 0],
            torch.ones(2, 3).expand(4, 2, 3),
            torch.view_as_complex(values).conj(),
            torch.view_as_complex(values).conj().imag,
            torch.empty(0, 3),
            values.to(torch.uint8).reshape(-1)[3:],
        )

    def test_a_tensor_that_is_digested_in_several_portions(self) -> None:
        numbers = torch.arange(100)
        whole = device_digests([numbers, numbers[:3], numbers + 1])
        for size in (1, 7, 100, 101):
            with mock.patch.object(device_digest, "_WORDS_AT_ONCE", size), self.subTest(size=size):
                self.assertEqual(device_digests([numbers, numbers[:3], numbers + 1]), whole)
                self.assert_agrees(numbers, numbers[:3])


class TestSensitivity(unittest.TestCase):
    @given(WORDS, st.data())
    def test_a_bit(self, words: list[int], data: st.DataObject) -> None:
        place, bit = data.draw(st.integers(0, len(words) - 1)), data.draw(st.integers(0, 62))
        self.assertNotEqual(of_words([*words[:place], words[place] ^ (1 << bit), *words[place + 1 :]]), of_words(words))

    @given(WORDS, st.data())
    def test_two_that_are_swapped(self, words: list[int], data: st.DataObject) -> None:
        one, two = (data.draw(st.integers(0, len(words) - 1)) for _ in range(2))
        assume(words[one] != words[two])
        swapped = list(words)
        swapped[one], swapped[two] = words[two], words[one]
        self.assertNotEqual(of_words(swapped), of_words(words))

    @given(WORDS, st.randoms())
    def test_a_permutation(self, words: list[int], random: object) -> None:
        permuted = list(words)
        random.shuffle(permuted)  # type: ignore[attr-defined]  # hypothesis types its Random as an object
        assume(permuted != words)
        self.assertNotEqual(of_words(permuted), of_words(words))

    @given(WORDS, st.integers(1, 2**62), st.data())
    def test_changes_that_cancel_each_other_in_a_sum_or_an_exclusive_or(
        self, words: list[int], by: int, data: st.DataObject
    ) -> None:
        one = data.draw(st.integers(0, len(words) - 2))
        for changed in (
            [words[one] + by, words[one + 1] - by],
            [words[one] ^ by, words[one + 1] ^ by],
        ):
            if all(-(2**63) <= each < 2**63 for each in changed):
                self.assertNotEqual(of_words([*words[:one], *changed, *words[one + 2 :]]), of_words(words))

    def test_zeros_of_each_length_and_sign(self) -> None:
        zeros = [torch.zeros(size, dtype=torch.uint8) for size in range(40)]
        signed = [torch.tensor([0.0, 0.0]), torch.tensor([-0.0, 0.0]), torch.tensor([0.0, -0.0])]
        found = device_digests([*zeros, *signed])
        self.assertEqual(len(set(found)), 40 + 2)
        self.assertEqual(found[40], found[8])  # the same bytes

    def test_neither_half_stays_when_one_bit_changes(self) -> None:
        before, after = of_words(list(range(8))), of_words([*range(7), 6])
        self.assertNotEqual(before[:16], after[:16])
        self.assertNotEqual(before[16:], after[16:])


class TestRecorded(WithTrace):
    """As if the CPU were a GPU."""

    def setUp(self) -> None:
        super().setUp()
        patch = mock.patch.object(leaves, "_DIGESTS_ITSELF", "cpu")
        patch.start()
        self.addCleanup(patch.stop)

    def test_all_tensors_of_a_record_are_digested_at_once_and_by_name(self) -> None:
        with mock.patch.object(leaves, "device_digests", side_effect=device_digests) as computed:
            self.writer().record("m", state(0), {"a": torch.ones(3), "b": [torch.zeros(2), 7], "c": torch.ones(3).t()})
        self.assertEqual(computed.call_count, 1)
        records = {record.key.path: record.leaf for record in self.records()}
        self.assertEqual(list(records), ["['b'][1]", "['a']", "['b'][0]", "['c']"])
        self.assertEqual(records["['a']"].digest, reference_digest(torch.ones(3).numpy().tobytes()))
        self.assertEqual(records["['a']"], records["['c']"])
        self.assertEqual({leaf.algorithm for leaf in records.values() if leaf.kind == "tensor"}, {ALGORITHM})

    def test_only_what_is_kept_leaves_the_device(self) -> None:
        writer = self.writer(budget=0)
        with mock.patch.object(leaves, "tensor_bytes", side_effect=tensor_bytes) as copied:
            writer.record("m", state(0), {"large": LARGE, "small": torch.ones(2)})
        self.assertEqual(copied.call_count, 1)
        kept = {record.key.path: record.read_bytes() for record in self.records()}
        self.assertEqual(kept, {"['large']": None, "['small']": torch.ones(2).numpy().tobytes()})

    def test_one_that_cannot_be_digested_takes_no_other_with_it(self) -> None:
        def digests(tensors: list[Tensor]) -> list[str]:
            if any(len(tensor) == 2 for tensor in tensors):
                raise RuntimeError("no memory")
            return device_digests(tensors)

        writer = self.writer()
        with mock.patch.object(leaves, "device_digests", side_effect=digests):
            writer.record("m", state(0), [torch.ones(1), torch.ones(2), torch.ones(3)])
        self.assertEqual([record.key.path for record in self.records()], ["[0]", "[2]"])
        (note,) = self.trace().events("not_observed")
        self.assertIn("m [1] (a torch.Tensor that cannot be read: RuntimeError: no memory)", note["what"])


if __name__ == "__main__":
    unittest.main()
