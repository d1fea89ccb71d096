"""Tests with ``transformers.Trainer``, skipped where it is not installed."""

import unittest
from importlib.util import find_spec

if find_spec("transformers") is None or find_spec("accelerate") is None:
    raise unittest.SkipTest("transformers and accelerate are not installed: pip install 'stopgo_mixins[transformers]'")
