"""One short class per metric."""
