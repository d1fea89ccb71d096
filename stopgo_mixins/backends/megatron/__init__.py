"""NeMo 2 on Megatron-core: the bridge, the mixin, and what they need to resume exactly, and to run on a CPU."""
