"""The key of the pseudonyms of a lake: its fingerprint is in the log of `raw`, and no other key is accepted.

Under another key everybody would become a second person. The fingerprint is an HMAC of a constant under the key, so it
does not reveal the key. It is an application transaction, so it is as durable as the offsets.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from pipelines.events.pseudonym import Pseudonyms, WrongPseudonymKey
from pipelines.ingest.event_writer import BATCH
from pipelines.lake import Lake, LakeConflict
from schemas.lake import EVENTS, RAW

KEY_FINGERPRINT: Final = "settings/pseudonym_key"
"""The application transaction of `raw` that holds the fingerprint."""

_RECOVER: Final = (
    "Nothing was written. Set EMBERLINE__PRIVACY__KEY to the key of before, or restore the file secrets/pseudonyms of "
    "the state folder from a backup, then try again. If the key is lost, start a new lake (lake.uri): it reads Kafka "
    "again, under a new key."
)


def recorded_fingerprint(lake: Lake) -> int | None:
    """Return the fingerprint stored in the lake; None if there is none yet, or no lake."""
    return lake.open(RAW).position(KEY_FINGERPRINT) if lake.has(RAW) else None


def refuse_lost_key(lake: Lake) -> None:
    """Refuse to make a new key for a lake that holds pseudonyms.

    Raises:
        WrongPseudonymKey: the lake holds pseudonyms.
    """
    has_events = lake.has(EVENTS) and lake.open(EVENTS).position(BATCH) is not None
    if has_events or recorded_fingerprint(lake) is not None:
        raise WrongPseudonymKey("The key of the pseudonyms in this lake is missing.", _RECOVER, lake.uri)


def refuse_another_key(lake: Lake, pseudonyms: Pseudonyms) -> None:
    """Compare the key with the fingerprint in the lake, if there is one.

    Raises:
        WrongPseudonymKey: they differ.
    """
    recorded = recorded_fingerprint(lake)
    if recorded is not None and recorded != pseudonyms.fingerprint:
        raise WrongPseudonymKey(
            "The key of the pseudonyms differs from the one this lake was written with.", _RECOVER, lake.uri
        )


def bind_key(lake: Lake, pseudonyms: Pseudonyms) -> None:
    """Compare the key with the fingerprint in the lake; record the fingerprint if there is none.

    A lake written by an older version has none, and adopts the present key.

    Raises:
        WrongPseudonymKey: they differ.
    """
    while True:
        refuse_another_key(lake, pseudonyms)
        raw = lake.open(RAW)
        if raw.position(KEY_FINGERPRINT) is not None:
            return
        try:
            lake.append(raw, pl.DataFrame(schema=RAW.schema), {KEY_FINGERPRINT: pseudonyms.fingerprint})
        except LakeConflict:  # another writer committed first, perhaps with another key
            continue
