"""The layers that the design page lists are those of the files: no import points up, and there is no circle."""

from __future__ import annotations

import re
import tempfile
import unittest
from collections.abc import Mapping
from pathlib import Path

import stopgo_mixins
from tests.contract.architecture import House, Package
from tests.documentation.tables import rows

TRAINERS = {"accelerate", "lightning", "megatron", "nemo", "pytorch_lightning", "transformers"}
"""What the design page calls trainers."""

LAYERS = [(re.findall(r"`(\w+)`", names), forbidden) for names, _, forbidden in rows("design", "Layers")]
"""``(names, what they may not know)`` of every layer, ground floor first."""


def forbidden_imports(package: Package, house: House, layers: list[tuple[list[str], str]]) -> list[str]:
    """Every import of what its layer may not know."""
    forbidden = {
        name: set(re.findall(r"`(\w+)`", text)) | (TRAINERS if "trainers" in text else set())
        for names, text in layers
        for name in names
    }
    return [
        f"{found.place}: {house.room(found.importer)} may not know {found.imported}"
        for found in package.imports
        if found.imported.partition(".")[0] in forbidden[house.room(found.importer)]
    ]


class TestLayers(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls) -> None:
        cls.package = Package(Path(stopgo_mixins.__file__).parent)
        cls.house = House(cls.package, [names for names, _ in LAYERS])

    def test_no_import_points_up(self) -> None:
        self.assertEqual(self.house.upward_imports(), [])

    def test_there_is_no_circle(self) -> None:
        self.assertEqual(self.package.circle(), [])

    def test_everything_stands_on_one_floor(self) -> None:
        self.assertEqual(self.house.misplaced(), [])
        names = [name for names, _ in LAYERS for name in names]
        self.assertEqual(len(names), len(set(names)))

    def test_no_layer_knows_what_it_may_not(self) -> None:
        self.assertEqual(forbidden_imports(self.package, self.house, LAYERS), [])

    def test_a_class_name_is_defined_once(self) -> None:
        twice = {name: places for name, places in self.package.classes().items() if len(places) > 1}
        self.assertEqual(twice, {})


class TestWhatIsFound(unittest.TestCase):
    """A made-up house with a cellar, a hall and a roof."""

    FLOORS = (["cellar"], ["hall"], ["roof"], ["__init__"], ["__main__"])
    SOUND: Mapping[str, str] = {
        "__init__.py": "from house.roof import chimney",
        "__main__.py": "import house.hall",
        "cellar.py": "import unittest",
        "hall/__init__.py": "",
        "hall/door.py": "from house.cellar import wine\nfrom house.hall import key",
        "hall/key.py": "",
        "roof/__init__.py": "",
        "roof/chimney.py": "def smoke():\n    from house.hall.door import Door",
    }

    def house(self, **changed: str) -> tuple[Package, House]:
        """The house, of whose files some are called in a word and have another text."""
        files = {"cellar": "cellar.py", "hall": "hall/__init__.py", "key": "hall/key.py", "chimney": "roof/chimney.py"}
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        root = Path(directory.name) / "house"
        for name, text in {**self.SOUND, **{files[word]: text for word, text in changed.items()}}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        package = Package(root)
        return package, House(package, self.FLOORS)

    def test_nothing_in_a_sound_house(self) -> None:
        package, house = self.house()
        self.assertEqual((house.upward_imports(), package.circle(), house.misplaced()), ([], [], []))

    def test_every_import_of_another_file(self) -> None:
        package, _ = self.house()
        expected = {
            ("house", "house.roof.chimney"),
            ("house.__main__", "house.hall"),
            ("house.hall.door", "house.cellar"),
            ("house.hall.door", "house.hall.key"),
            ("house.roof.chimney", "house.hall.door"),
        }
        self.assertEqual({(found.importer, found.imported) for found in package.own_imports}, expected)

    def test_an_import_that_points_up(self) -> None:
        upward = ["house/cellar.py:2: cellar imports house.hall.door, which is above it"]
        for text in (
            "import os\nfrom house.hall.door import Door",
            "import os\nimport house.hall.door as door",
            "def f():\n    from house.hall import door",
            "if TYPE_CHECKING:\n    from house.hall.door import Door",
        ):
            with self.subTest(text):
                _, house = self.house(cellar=text)
                self.assertEqual(house.upward_imports(), upward)

    def test_the_package_itself_is_above_its_parts(self) -> None:
        _, house = self.house(chimney="from house import Chimney")
        self.assertEqual(house.upward_imports(), ["house/roof/chimney.py:1: roof imports house, which is above it"])

    def test_so_is_its_program(self) -> None:
        _, house = self.house(chimney="from house.__main__ import main")
        upward = ["house/roof/chimney.py:1: roof imports house.__main__, which is above it"]
        self.assertEqual(house.upward_imports(), upward)

    def test_a_circle(self) -> None:
        package, house = self.house(key="def f():\n    from house.hall.door import Door")
        self.assertEqual(house.upward_imports(), [])
        self.assertEqual(set(package.circle()), {"house.hall.door", "house.hall.key"})

    def test_a_circle_of_a_package_and_a_file_in_it(self) -> None:
        package, _ = self.house(hall="from house.hall.key import Key", key="from house.hall import Door")
        self.assertEqual(set(package.circle()), {"house.hall", "house.hall.key"})

    def test_the_order_of_a_circle(self) -> None:
        package, _ = self.house(hall="import house.hall.key", key="import house.hall.door", cellar="import house.hall")
        first, second, *_ = package.circle()
        self.assertIn((first, second), {(found.importer, found.imported) for found in package.own_imports})

    def test_a_relative_import(self) -> None:
        package, _ = self.house(key="from . import door")
        with self.assertRaisesRegex(ValueError, "house/hall/key.py:1: .* write the dotted name"):
            package.circle()

    def test_a_file_without_a_floor_and_a_floor_without_a_file(self) -> None:
        package, _ = self.house()
        floors = [["cellar"], ["attic"], ["roof"], ["__init__"], ["__main__"]]
        self.assertEqual(House(package, floors).misplaced(), ["hall stands on no floor", "attic is not there"])

    def test_what_a_layer_may_not_know(self) -> None:
        package, house = self.house(key="from lightning.pytorch import Trainer")
        forbidden = ("`unittest`", "trainers", "", "", "")
        self.assertEqual(
            forbidden_imports(package, house, list(zip(self.FLOORS, forbidden, strict=True))),
            [
                "house/cellar.py:1: cellar may not know unittest",
                "house/hall/key.py:1: hall may not know lightning.pytorch",
            ],
        )

    def test_two_classes_of_one_name(self) -> None:
        package, _ = self.house(cellar="class _Wine: ...\nclass Rat: ...", key="def f():\n    class _Wine: ...")
        places = {"_Wine": ["house/cellar.py:1", "house/hall/key.py:2"], "Rat": ["house/cellar.py:2"]}
        self.assertEqual(package.classes(), places)
