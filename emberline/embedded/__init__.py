"""Real Apache Kafka and real PostgreSQL from Python wheels: no Docker, no system Java, no root.

Here belong: finding the programs, rendering their configuration, starting and stopping them as
daemons, and telling where they listen. Not here: topics, tables, or anything the pipeline reads.
"""

from emberline.embedded.errors import (
    DownloadFailed,
    EngineDied,
    EngineError,
    FolderBusy,
    FolderGone,
    ForeignFolder,
    NoSystemUser,
    PathTooLong,
    PathUnfit,
    PortTaken,
)
from emberline.embedded.kafka import EmbeddedKafka
from emberline.embedded.postgres import EmbeddedPostgres
from emberline.embedded.state import StateFolder

__all__ = [
    "DownloadFailed",
    "EmbeddedKafka",
    "EmbeddedPostgres",
    "EngineDied",
    "EngineError",
    "FolderBusy",
    "FolderGone",
    "ForeignFolder",
    "NoSystemUser",
    "PathTooLong",
    "PathUnfit",
    "PortTaken",
    "StateFolder",
]
