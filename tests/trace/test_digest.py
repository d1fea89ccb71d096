from __future__ import annotations

import unittest

import torch
from torch import Tensor, nn

from stopgo_mixins.trace.digest import digest_bytes, tensor_bytes


def digest(tensor: Tensor) -> str:
    return digest_bytes(tensor_bytes(tensor))


class TestDigest(unittest.TestCase):
    def setUp(self) -> None:
        self.tensor = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))

    def test_has_128_bits(self) -> None:
        self.assertRegex(digest(self.tensor), "^[0-9a-f]{32}$")

    def test_a_permutation_differs(self) -> None:
        for name, permuted in {
            "elements": self.tensor.flatten().flip(0).reshape(6, 4),
            "rows": self.tensor[torch.tensor([1, 0, 2, 3, 4, 5])],
            "two equal halves": torch.cat([self.tensor[3:], self.tensor[:3]]),
        }.items():
            with self.subTest(name):
                self.assertNotEqual(digest(permuted), digest(self.tensor))

    def test_a_single_bit_differs(self) -> None:
        changed = self.tensor.clone()
        changed.view(torch.int32)[5, 3] ^= 1
        self.assertNotEqual(digest(changed), digest(self.tensor))

    def test_negative_zero_differs_from_zero(self) -> None:
        self.assertNotEqual(digest(torch.tensor([-0.0])), digest(torch.tensor([0.0])))

    def test_the_layout_in_memory_does_not_matter(self) -> None:
        for name, same in {
            "transposed storage": self.tensor.t().contiguous().t(),
            "strided view": torch.stack([self.tensor, self.tensor], dim=-1)[..., 0],
            "offset view": torch.cat([torch.zeros(1, 4), self.tensor])[1:],
            "requires grad": self.tensor.clone().requires_grad_(),
        }.items():
            with self.subTest(name):
                self.assertEqual(digest(same), digest(self.tensor))

    def test_a_view_that_is_only_flagged_has_bytes_of_its_own(self) -> None:
        values = torch.tensor([1 + 2j, 3 - 4j])
        self.assertEqual(digest(values.conj()), digest(torch.tensor([1 - 2j, 3 + 4j])))
        self.assertEqual(digest(values.conj().imag), digest(torch.tensor([-2.0, 4.0])))
        self.assertNotEqual(digest(values.conj()), digest(values))

    def test_the_memory_that_was_read_may_still_be_resized(self) -> None:
        """As FSDP does with its parameters; ``Tensor.numpy()`` forbids it for good."""
        for tensor in (torch.ones(3), nn.Parameter(torch.ones(3))):
            digest(tensor)
            tensor.untyped_storage().resize_(0)
            self.assertEqual(tensor.untyped_storage().nbytes(), 0)
        with self.assertRaisesRegex(RuntimeError, "not resizable"):
            self.tensor.numpy()
            self.tensor.untyped_storage().resize_(0)

    def test_every_dtype_has_a_digest(self) -> None:
        for dtype in (
            *(torch.float64, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2),
            *(torch.complex64, torch.complex128, torch.int8, torch.uint8, torch.int64, torch.bool),
        ):
            with self.subTest(dtype=dtype):
                one, two = torch.ones(3).to(dtype), torch.zeros(3).to(dtype)
                self.assertEqual(len(tensor_bytes(one)), 3 * one.element_size())
                self.assertNotEqual(digest(one), digest(two))

    def test_scalars_and_empty_tensors(self) -> None:
        self.assertEqual(bytes(tensor_bytes(torch.tensor(7, dtype=torch.uint8))), b"\x07")
        self.assertEqual(bytes(tensor_bytes(torch.empty(0, 3))), b"")


if __name__ == "__main__":
    unittest.main()
