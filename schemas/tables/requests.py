"""Rulings of people on events and links, and their requests for rebuilds. Rows are never deleted."""

from __future__ import annotations

from typing import Final

import polars as pl

from schemas.columns import FINGERPRINT, ORDINAL, Meaning
from schemas.table import UTC_TIME, LakeTable

_REASON: Final = Meaning("why, in that person's words")

QUARANTINE_RULING: Final = LakeTable(
    name="quarantine_ruling",
    group="ingest",
    description="Rulings of people on events: put it in quarantine, or restore it; the newest ruling on an event is "
    "valid. Rows are never deleted.",
    columns={
        "ruling": pl.Int64(),
        "source": pl.String(),
        "event_id": pl.String(),
        "is_quarantined": pl.Boolean(),
        "actor": pl.String(),
        "reason": pl.String(),
        "ruled_at": UTC_TIME,
    },
    key=("ruling",),
    meanings={
        "is_quarantined": Meaning("true: the event is in quarantine; false: it is restored"),
        "reason": _REASON,
    },
    written_by_people=True,
)

IDENTITY_RULING: Final = LakeTable(
    name="identity_ruling",
    group="ingest",
    description="""Rulings of people on links: ignore it, or use it again; the newest ruling on a link is valid. Rows \
are never deleted.

The accounts are pseudonyms, the smaller first; without `linked_account_id`, the ruling is on every link of the \
account, also future ones.""",
    columns={
        "ruling": pl.Int64(),
        "account_id": pl.String(),
        "linked_account_id": pl.String(),
        "is_withdrawn": pl.Boolean(),
        "actor": pl.String(),
        "reason": pl.String(),
        "ruled_at": UTC_TIME,
    },
    key=("ruling",),
    meanings={
        "linked_account_id": Meaning("pseudonym of the other account; null: every link of the account"),
        "is_withdrawn": Meaning("true: the link is ignored; false: it is used again"),
        "reason": _REASON,
    },
    written_by_people=True,
)

REBUILD: Final = LakeTable(
    name="rebuild",
    group="ingest",
    description="""Requests to recompute facts although no input changed, and each rebuild of `events`; without \
`since`: from scratch. Rows are never deleted.

People request a rebuild, and so does a refresh whose code version differs from that of the stored fact.""",
    columns={
        "rebuild": pl.Int64(),
        "fact": pl.String(),
        "since": pl.Date(),
        "actor": pl.String(),
        "reason": pl.String(),
        "requested_at": UTC_TIME,
    },
    key=("rebuild",),
    meanings={
        "rebuild": Meaning("number of the request, from 1", ORDINAL),
        "fact": Meaning("lake table to recompute"),
        "since": Meaning("first day to recompute; null: from scratch"),
        "actor": Meaning("who requested it; emberline: a changed code version"),
        "reason": Meaning("why, in the words of the requester"),
        "requested_at": Meaning("when it was requested, UTC; null: by a changed code version"),
    },
    written_by_people=True,
)

SUPPRESSION: Final = LakeTable(
    name="suppression",
    group="ingest",
    description="""Erased persons, as hashes under the pseudonym key, with who requested it, when and why; what \
arrives from these accounts is ignored. Rows are never deleted.

It contains no ids: only with the key and an account can one check whether the account is in it.""",
    columns={
        "entry": pl.Int64(),
        "erasure": pl.Int64(),
        "kind": pl.String(),
        "digest": pl.String(),
        "length": pl.Int32(),
        "fingerprint": pl.Int64(),
        "actor": pl.String(),
        "reason": pl.String(),
        "requested_at": UTC_TIME,
    },
    key=("entry",),
    meanings={
        "entry": Meaning("number of the row, from 1", ORDINAL),
        "erasure": Meaning("number of the erasure, from 1", ORDINAL),
        "kind": Meaning(
            "account; text: a text that names the person anywhere; bare: one that does so in payloads of a carrier"
        ),
        "digest": Meaning("HMAC of the account's pseudonym, in hex; null: a text"),
        "length": Meaning("length of the text; null: an account", "bytes"),
        "fingerprint": Meaning("keyed and masked hash of the text; null: an account", FINGERPRINT),
        "actor": Meaning("who requested it"),
        "reason": _REASON,
        "requested_at": Meaning("when it was requested, UTC"),
    },
    written_by_people=True,
)
