"""The neutral half of every bridge: what one phase is told, counts, emits and how it ends; no trainer."""
