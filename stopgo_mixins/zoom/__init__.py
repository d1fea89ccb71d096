"""One training step of both runs, operator by operator."""
