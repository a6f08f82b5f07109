"""Damaged exports end in what is whole or in an error with a next step, never in a defect."""

from __future__ import annotations

import json
import random
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pipelines.carriers.readers import readers
from pipelines.carriers.readers.source import source_of
from schemas.errors import EmberlineError
from tests.pipelines.carriers.readers.reading import OPTIONS, SAMPLES

ODD: tuple[Any, ...] = (None, 1, -1, 2**70, "x", [], {}, [1], {"a": 1}, True, 1.5, "")
PIECES = (b'"', b"{", b"\n", b",", b"\\", b"\x00", b"\xff", b"[", b":", b"\r")
EXPORTS = sorted(path for name in readers() if (SAMPLES / name).is_dir() for path in (SAMPLES / name).iterdir())


def changed_value(chance: random.Random, value: Any) -> Any:
    if isinstance(value, dict) and value:
        name = chance.choice(list(value))
        value[name] = chance.choice(ODD) if chance.random() < 0.5 else changed_value(chance, value[name])
        return value
    if isinstance(value, list) and value:
        at = chance.randrange(len(value))
        value[at] = changed_value(chance, value[at])
        return value
    return chance.choice(ODD)


def changed_bytes(chance: random.Random, content: bytes) -> bytes:
    at = chance.randrange(len(content) + 1)
    match chance.randrange(3):
        case 0:
            return content[:at] + bytes([chance.randrange(256)]) + content[at + 1 :]
        case 1:
            return content[:at] + content[at + chance.randint(1, 20) :]
    return content[:at] + chance.choice(PIECES) + content[at:]


def damage(chance: random.Random, file: Path) -> None:
    content = file.read_bytes()
    if file.suffix == ".json" and chance.random() < 0.6 and b"\\x" not in content:
        content = json.dumps(changed_value(chance, json.loads(content))).encode()
    for _ in range(chance.randint(0, 3)):
        content = changed_bytes(chance, content)
    file.write_bytes(content)


@pytest.mark.parametrize("path", EXPORTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_damaged_export_ends_in_no_defect(path: Path, tmp_path: Path):
    for seed in range(12):
        chance, copy = random.Random(seed), tmp_path / str(seed) / path.name
        copy.parent.mkdir()
        if path.is_dir():
            shutil.copytree(path, copy)
        else:
            shutil.copy(path, copy)
        files = sorted(file for file in (copy, *copy.rglob("*")) if file.is_file())
        damage(chance, chance.choice(files))
        with suppress(EmberlineError):
            for _ in readers()[path.parent.name].read(source_of(copy), OPTIONS):
                pass
