"""``from stopgo_mixins import *`` with whatever is installed, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import unittest
from importlib.util import find_spec

import stopgo_mixins

NEEDING_EITHER = {"LightningBridge", "LightningStopAndGoMixin", "RecordTrace", "RngStateCallback"}
NEEDING_NEMO = {"MegatronBridge", "MegatronRecordTrace"}
NEEDING_LIGHTNING = {*NEEDING_EITHER, *NEEDING_NEMO, "MegatronRngStateCallback", "MegatronStopAndGoMixin"}
NEEDING_TRANSFORMERS = {"TransformersRecordTrace", "TransformersStopAndGoMixin"}

NEEDING = {
    "transformers": NEEDING_TRANSFORMERS,
    "accelerate": {*NEEDING_TRANSFORMERS, "AccelerateRun", "AccelerateStopAndGoMixin"},
}
HERE = set(stopgo_mixins._HOME).difference(*(names for package, names in NEEDING.items() if find_spec(package) is None))
"""What comes where everything else is installed."""


def names_without(*packages: str) -> set[str]:
    """The names that come where these packages are not installed, which are then not imported either."""
    absent = "".join(f"sys.modules[{package!r}] = None\n" for package in packages)
    code = (
        f"import sys\n{absent}before = {{*globals()}}\nfrom stopgo_mixins import *\nprint(*({{*globals()}} - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(done.stderr)
    return set(done.stdout.split()) - {"before"}


class TestPublicNames(unittest.TestCase):
    def test_without_nemo(self) -> None:
        self.assertEqual(names_without("nemo"), HERE - NEEDING_NEMO)

    def test_without_any_trainer(self) -> None:
        found = names_without("lightning", "pytorch_lightning", "nemo", "megatron")
        self.assertEqual(found, HERE - NEEDING_LIGHTNING)

    def test_with_one_of_lightnings_two_packages(self) -> None:
        self.assertEqual(names_without("lightning") & NEEDING_LIGHTNING, NEEDING_EITHER)
        self.assertEqual(names_without("pytorch_lightning"), set(stopgo_mixins.__all__))

    def test_a_stub_counts_as_installed(self) -> None:
        code = (
            "import sys, types; sys.modules['nemo'] = types.ModuleType('nemo')\n"
            "import stopgo_mixins; assert 'LightningStopAndGoMixin' in stopgo_mixins.__all__"
        )
        subprocess.run([sys.executable, "-c", code], check=True)

    def test_importing_the_package_imports_neither_torch_nor_a_trainer(self) -> None:
        code = "import sys, stopgo_mixins; sys.exit(bool({'torch', 'numpy', 'lightning', 'nemo'} & {*sys.modules}))"
        subprocess.run([sys.executable, "-c", code], check=True)

    @unittest.skipUnless("LightningStopAndGoMixin" in stopgo_mixins.__all__, "needs Lightning")
    def test_importing_the_mixin_of_lightning_touches_nothing_of_nemo(self) -> None:
        code = (
            "import sys; from stopgo_mixins import LightningStopAndGoMixin; "
            "sys.exit(bool({'nemo', 'megatron', 'stopgo_mixins.backends.megatron'} & {*sys.modules}))"
        )
        subprocess.run([sys.executable, "-c", code], check=True)

    def test_every_name_is_known_to_the_package(self) -> None:
        self.assertLessEqual(set(stopgo_mixins._HOME), set(dir(stopgo_mixins)))
        with self.assertRaisesRegex(AttributeError, "has no attribute 'Recordr'"):
            _ = stopgo_mixins.Recordr


if __name__ == "__main__":
    unittest.main()
