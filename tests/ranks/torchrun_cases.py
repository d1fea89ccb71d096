"""What torchrun starts on two ranks, from a test of this package."""

from __future__ import annotations

from tests.ranks import cases


class InTheWorldOfTheSuite(cases.Digits):
    pass


class FailsOnRank1(cases.RaisesOnRank1):
    pass
