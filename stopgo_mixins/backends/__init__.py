"""One sub-package per trainer; nothing else imports one."""
