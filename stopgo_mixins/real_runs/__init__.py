"""Compares runs that no test has run, by the traces or the logs that they left behind."""
