"""``python -m stopgo_mixins.faults`` is short for ``python -m stopgo_mixins faults``."""

import sys

from stopgo_mixins.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["faults", *sys.argv[1:]]))
