"""Classes that train on two ranks."""
