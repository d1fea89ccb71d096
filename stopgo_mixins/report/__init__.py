"""Pictures and files from traces."""
