"""What people rule about events and links, and what they ask to be computed again. Nothing is ever taken out of it."""

from __future__ import annotations

from typing import Final

import polars as pl

from schemas.columns import FINGERPRINT, ORDINAL, Meaning
from schemas.table import UTC_TIME, LakeTable

_REASON: Final = Meaning("why, in that person's words")

QUARANTINE_RULING: Final = LakeTable(
    name="quarantine_ruling",
    group="ingest",
    description="What people ruled about events: that one is in quarantine, or is no more; the newest ruling on an "
    "event stands. Nothing is ever taken out of it.",
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
        "is_quarantined": Meaning("true: the event is in quarantine; false: it is no more"),
        "reason": _REASON,
    },
    written_by_people=True,
)

IDENTITY_RULING: Final = LakeTable(
    name="identity_ruling",
    group="ingest",
    description="""What people ruled about links: that one does not hold, or does again; the newest ruling on a link \
stands. Nothing is ever taken out of it.

The accounts are pseudonyms, the smaller first; no `linked_account_id`: it is about every link of the account, also \
those to come.""",
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
        "is_withdrawn": Meaning("true: the link does not hold; false: it holds again"),
        "reason": _REASON,
    },
    written_by_people=True,
)

REBUILD: Final = LakeTable(
    name="rebuild",
    group="ingest",
    description="""Which facts are to be computed again although no input changed, because code did, and each rebuild \
of `events`; no `since`: from scratch. Nothing is ever taken out of it.

People ask for it, and a refresh whose code version is another one than the fact was computed with.""",
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
        "fact": Meaning("lake table to compute again"),
        "since": Meaning("first day to compute again; null: from scratch"),
        "actor": Meaning("who wanted it so; emberline: another code version did"),
        "reason": Meaning("why, in the words of who asked"),
        "requested_at": Meaning("when it was asked for, UTC; null: nobody asked, another code version did"),
    },
    written_by_people=True,
)

SUPPRESSION: Final = LakeTable(
    name="suppression",
    group="ingest",
    description="""Who was erased, by hashes under the key of the pseudonyms, and who asked for it, when and why; what \
arrives of these accounts is ignored. Nothing is ever taken out of it.

It tells no id: only who has the key and an account can see whether it is in here.""",
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
        "kind": Meaning("account; text: names the person anywhere; bare: does so in what a carrier sent"),
        "digest": Meaning("HMAC of the account's pseudonym, in hex; null: a text"),
        "length": Meaning("length of the text; null: an account", "bytes"),
        "fingerprint": Meaning("keyed and masked hash of the text; null: an account", FINGERPRINT),
        "actor": Meaning("who asked for it"),
        "reason": _REASON,
        "requested_at": Meaning("when it was asked for, UTC"),
    },
    written_by_people=True,
)
