"""Tests with Lightning Fabric, skipped where it is not installed."""

import unittest
from importlib.util import find_spec

if find_spec("lightning") is None:
    raise unittest.SkipTest("lightning is not installed: pip install 'stopgo_mixins[lightning]'")
