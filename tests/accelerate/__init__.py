"""Tests with Accelerate, skipped where it is not installed."""

import unittest
from importlib.util import find_spec

if find_spec("accelerate") is None:
    raise unittest.SkipTest("accelerate is not installed: pip install accelerate")
