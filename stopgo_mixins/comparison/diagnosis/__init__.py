"""From the pattern of a divergence to its cause: pure functions over traces, one file per family of patterns."""
