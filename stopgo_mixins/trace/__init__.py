"""Records of one phase, written to disk as they happen and read back lazily."""
