"""Tests of the unittest contract: what a class must declare, which tests it gets, and how runners treat it."""
