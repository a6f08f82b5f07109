"""How far imports of exports came: a file each in the state folder, for those that were cut short."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from emberline.embedded.state import StateFolder, write_private

_FOLDER = "imports"


@dataclass(frozen=True)
class ImportPlace:
    """How many payloads of one import Kafka has acknowledged.

    The file's name is a hash of all that the payloads depend on: the export as it is on disk, the reader, the options,
    this version. Where any of it is another, the import begins at its beginning; events that arrived twice count once.
    """

    file: Path

    @classmethod
    def of(cls, state: StateFolder, *facts: object) -> ImportPlace:
        """Find the place of an import by what its payloads depend on."""
        identity = json.dumps([version("emberline"), *map(str, facts)])
        return cls(state.path / _FOLDER / f"{hashlib.sha256(identity.encode()).hexdigest()}.json")

    @property
    def payloads(self) -> int:
        """Those that were acknowledged; 0 where nothing is known."""
        try:
            return int(json.loads(self.file.read_text())["payloads"])
        except (OSError, ValueError, KeyError, TypeError):
            return 0

    def reach(self, payloads: int) -> None:
        """Keep how many were acknowledged."""
        self.file.parent.mkdir(mode=0o700, exist_ok=True)
        write_private(self.file, json.dumps({"payloads": payloads}))

    def leave(self) -> None:
        """Forget the place: the import is done."""
        self.file.unlink(missing_ok=True)
