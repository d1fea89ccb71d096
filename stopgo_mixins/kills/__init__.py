"""Deaths of the stop phase at each of its file events: what they leave, and what a restart makes of that."""
