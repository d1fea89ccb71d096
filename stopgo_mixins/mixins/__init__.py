"""Plain classes that combine with ``unittest.TestCase``; none of them knows a trainer."""
