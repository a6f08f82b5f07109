"""What tests of readers share: samples, and what a reader makes of a file."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pipelines.carriers.readers import ReadOptions, detect
from pipelines.carriers.readers.source import source_of
from pipelines.carriers.texts import Texts

SAMPLES = Path(__file__).with_name("samples")
OPTIONS = ReadOptions(Texts(b"a key of the tests"), ZoneInfo("Asia/Shanghai"))
KEEPING = replace(OPTIONS, texts=Texts(b"a key of the tests", keeps=True))


class Read:
    """All payloads of an export, how often what was repaired, and what was left out."""

    def __init__(self, path: Path, options: ReadOptions = OPTIONS, name: str | None = None) -> None:
        self.found = detect(source_of(path), name)
        batches = [batch for one in self.found for batch in one.reader.read(one.source, options)]
        self.payloads: list[dict[str, Any]] = [json.loads(value) for batch in batches for value in batch.values]
        self.keys = [key.decode() for batch in batches for key in batch.keys]
        self.repairs = sum((batch.repairs for batch in batches), Counter())
        self.skipped = sum((batch.skipped for batch in batches), Counter())
        self.done = batches[-1].done

    @property
    def reader(self) -> str:
        """The name of the one reader that knew it."""
        (name,) = {one.reader.name for one in self.found}
        return name

    def each(self, *path: str) -> list[Any]:
        """What stands at a path of each payload."""
        found: list[Any] = self.payloads
        for name in path:
            found = [None if one is None else one.get(name) for one in found]
        return found


def sample(name: str, options: ReadOptions = OPTIONS) -> Read:
    """Read a sample."""
    return Read(SAMPLES / name, options)
