"""Complete test classes to copy from; ``python -m examples.demo`` shows what they say."""
