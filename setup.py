"""What a package index shows; everything else is declared in `setup.cfg`, also for tools that know no such file."""

import re
from pathlib import Path

from setuptools import setup

README = Path(__file__).with_name("README.md").read_text(encoding="utf-8")
PICTURE = re.compile(r"!\[[^\]]*\]\((?!https?:)[^)]*\)\n*")
LINK = re.compile(r"\[([^\]]*)\]\((?!https?:)[^)]*\)")

# An index shows this page alone: a link to a file beside it would lead nowhere there.
setup(long_description=LINK.sub(r"\1", PICTURE.sub("", README)), long_description_content_type="text/markdown")
