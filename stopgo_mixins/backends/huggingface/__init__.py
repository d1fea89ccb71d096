"""Hugging Face's ``transformers.Trainer``: the bridge, and the mixin."""
