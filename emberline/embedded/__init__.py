"""Real Apache Kafka and real PostgreSQL from Python wheels: no Docker, no system Java, no root.

This package finds the programs, writes their configuration, starts and stops them as daemons, and
returns their addresses. It does not contain topics, tables, or anything the pipeline reads.
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
