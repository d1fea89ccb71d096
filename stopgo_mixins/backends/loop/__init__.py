"""A training loop of one's own: what it tells of itself, and the mixin."""
