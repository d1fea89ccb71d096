"""The catalogue of faults on a loop with Fabric."""

from __future__ import annotations

import unittest

from tests.fabric.tiny import TinyFabricMixin
from tests.faults.catalogue import OF_EVERY_KIND, CatalogueMixin
from tests.outcome import concrete


class TestCatalogue(CatalogueMixin, unittest.TestCase):
    subject = concrete(TinyFabricMixin)
    tried = OF_EVERY_KIND


if __name__ == "__main__":
    unittest.main()
