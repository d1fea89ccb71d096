"""Walks through all that is reachable from the objects of a run, and reads what training may change."""
