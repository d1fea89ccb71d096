"""Tests of state that nobody saved: what is found, what is left alone, and what is said."""
