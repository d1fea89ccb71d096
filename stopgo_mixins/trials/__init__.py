"""Trials: a test class is resumed with one fault at a time, to see which of its tests fail."""
