"""Tests of the trace: digests, snapshots, what is written and read back."""
