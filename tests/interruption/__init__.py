"""Tests of where and how the stop phase ends, and of what the resume phase loads."""
