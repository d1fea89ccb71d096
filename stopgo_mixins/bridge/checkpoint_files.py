"""Whether the files of a checkpoint are whole, by what their formats say of themselves, and which are the same."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

from stopgo_mixins.trace.digest import digest_bytes, digest_file

_NEVER_EMPTY = {".ckpt", ".pt", ".pth", ".bin", ".distcp", ".safetensors", ".json"}
"""Endings of files in which there is always something."""


def digest_of(checkpoint: Path) -> str:
    """The digest of a file, or of all files of a directory with their names."""
    if checkpoint.is_file():
        return digest_file(checkpoint)
    return digest_bytes(
        "".join(f"{path.relative_to(checkpoint)} {digest_file(path)}\n" for path in _files(checkpoint)).encode()
    )


def damage_of(checkpoint: Path) -> str:
    """The first file that is damaged and in what way; empty where none is, or none that tells."""
    for directory in dict.fromkeys(path.parent for path in checkpoint.rglob("*.distcp")):
        if not (directory / ".metadata").exists():
            return f"{directory} has no .metadata, which is written last"
    found = (damage for path in _files(checkpoint) if (damage := _damage_of_file(path)))
    return next(found, "")


def _files(checkpoint: Path) -> Iterator[Path]:
    paths = [checkpoint] if checkpoint.is_file() else sorted(checkpoint.rglob("*"))
    return (path for path in paths if path.is_file())


def _damage_of_file(path: Path) -> str:
    if not path.stat().st_size:
        return f"{path} is empty" if path.suffix in _NEVER_EMPTY else ""
    with path.open("rb") as file:
        begins_as_archive = file.read(2) == b"PK"
    if begins_as_archive and not zipfile.is_zipfile(path):
        return f"{path} is truncated: the directory at the end of the archive is missing"
    if path.suffix == ".safetensors":
        return _damage_of_safetensors(path)
    return _damage_of_json(path) if path.suffix == ".json" else ""


def _damage_of_safetensors(path: Path) -> str:
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = file.read(length)
    size = path.stat().st_size
    if len(header) < length:
        return f"{path} is truncated: its header should have {length} bytes and has {len(header)}"
    ends = (entry["data_offsets"][1] for name, entry in json.loads(header).items() if name != "__metadata__")
    expected = 8 + length + max(ends, default=0)
    return "" if size == expected else f"{path} is truncated: it should have {expected} bytes and has {size}"


def _damage_of_json(path: Path) -> str:
    try:
        json.loads(path.read_bytes())
    except ValueError as error:
        return f"{path} is not JSON: {error}"
    return ""
