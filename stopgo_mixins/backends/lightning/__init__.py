"""Lightning: the bridge, the mixin, and what Lightning needs to resume exactly."""
