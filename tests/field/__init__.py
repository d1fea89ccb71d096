"""Modules in the shapes in which people write them."""
