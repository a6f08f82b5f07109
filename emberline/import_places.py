"""Progress of interrupted imports: one file each in the state folder."""

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
    """The number of payloads of an import that Kafka has acknowledged.

    The file's name is a hash of everything that the payloads depend on: the export on disk, the reader, the options,
    the version of emberline. If any of it changes, the import starts from the beginning; events that arrive twice count
    once.
    """

    file: Path

    @classmethod
    def of(cls, state: StateFolder, *facts: object) -> ImportPlace:
        """Return the progress of an import, by everything that its payloads depend on."""
        identity = json.dumps([version("emberline"), *map(str, facts)])
        return cls(state.path / _FOLDER / f"{hashlib.sha256(identity.encode()).hexdigest()}.json")

    @property
    def payloads(self) -> int:
        """The number of acknowledged payloads; 0 if unknown."""
        try:
            return int(json.loads(self.file.read_text())["payloads"])
        except (OSError, ValueError, KeyError, TypeError):
            return 0

    def reach(self, payloads: int) -> None:
        """Store the number of acknowledged payloads."""
        self.file.parent.mkdir(mode=0o700, exist_ok=True)
        write_private(self.file, json.dumps({"payloads": payloads}))

    def leave(self) -> None:
        """Delete the progress, after the import is complete."""
        self.file.unlink(missing_ok=True)
