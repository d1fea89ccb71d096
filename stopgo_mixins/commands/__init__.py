"""What can be run from a shell, one file per command."""
