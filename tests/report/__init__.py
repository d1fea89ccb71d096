"""The report is looked at with a real browser where there is one."""
