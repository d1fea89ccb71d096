"""Pure functions over traces: what differs, whether that proves anything, and why."""
