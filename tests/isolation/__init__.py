"""Tests of what keeps the phases apart from each other and from the process that runs them."""
