"""The jars of the broker with their digests, as `relock` wrote them."""

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

KAFKA_VERSION = "4.1.0"
LOCK_FILE = "kafka_jars.lock"


@dataclass(frozen=True, order=True)
class Jar:
    """One jar: Maven coordinate `group:artifact:version` and SHA-256 in hexadecimal."""

    coordinate: str
    sha256: str

    @property
    def filename(self) -> str:
        """File name in the cache, the one the jar has in a Maven repository."""
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"


def locked_jars() -> list[Jar]:
    """Return the jars of the lock file that ships with this package."""
    text = (files("emberline.embedded") / LOCK_FILE).read_text()
    return [Jar(*line.split()) for line in text.splitlines() if line]


def sha256(file: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
