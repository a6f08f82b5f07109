"""Send notes on what the company did for a group to Kafka, as events."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from dataclasses import dataclass
from typing import Final

import polars as pl

from pipelines.ingest.connection import KafkaConnection
from pipelines.ingest.replay import produce
from schemas import kinds
from schemas.interventions import Action

SOURCE: Final = "emberline/notes"
"""The CloudEvents source of notes."""


@dataclass(frozen=True)
class Note:
    """An action for a group (docs/definitions.md#interventions); `by` is the actor's account, in clear."""

    group_id: str
    action: Action
    text: str
    at: dt.datetime
    by: str | None = None

    def value(self, event_id: str) -> bytes:
        """Return the note as a canonical event: the value of a record."""
        said = {"intervention": self.action, "intervention_note": self.text}
        actor = {} if self.by is None else {"member_id": self.by, "role": "operator"}
        event = {
            "specversion": "1.0",
            "id": event_id,
            "source": SOURCE,
            "type": kinds.GROUP_INTERVENTION,
            "time": self.at.astimezone(dt.UTC).isoformat(),
            "subject": self.group_id,
            "data": said | actor,
        }
        return json.dumps(event).encode()


def send_note(connection: KafkaConnection, topic: str, note: Note) -> str:
    """Send a note to an existing topic of canonical events.

    Returns:
        The id of the event, by which it can be taken out.

    Raises:
        ProduceFailed: Kafka did not acknowledge it.
    """
    event_id = str(uuid.uuid4())
    row = {"topic": topic, "key": event_id.encode(), "value": note.value(event_id)}
    produce(connection, pl.DataFrame([row]))
    return event_id
