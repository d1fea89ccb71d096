"""``python -m stopgo_mixins.faults`` is short for ``python -m stopgo_mixins faults``."""

import runpy
import sys

if __name__ == "__main__":
    sys.argv.insert(1, "faults")
    # By its name, as a shell runs it: what is injected knows nothing of the programs above it.
    runpy.run_module("stopgo_mixins", run_name="__main__")
