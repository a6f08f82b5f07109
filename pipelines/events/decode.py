"""Raw records -> events and quarantine: decode by the topic's carrier, check the contract, pseudonymise."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from pipelines.carriers import Carrier
from pipelines.carriers.base import DECODED_SCHEMA, REJECTED_SCHEMA
from pipelines.events.nobody import stands_for_nobody, without_nobody
from pipelines.events.pseudonym import Pseudonyms
from pipelines.events.unknown_kinds import unknown_detail
from pipelines.time import business_days, month_of
from schemas import kinds
from schemas.errors import EmberlineError
from schemas.lake import COORDINATES, EVENTS, QUARANTINE

EARLIEST: Final = dt.datetime(1990, 1, 1, tzinfo=dt.UTC)
"""No group chat is older; an earlier `time` is a unit mistaken or a clock that was never set."""

_LATEST: Final = dt.datetime(9999, 12, 30, tzinfo=dt.UTC)
"""Later instants are beyond what a client can read back in every zone."""
_Clause = tuple[pl.Expr, str, pl.Expr]
"""A condition (null: it is not met), the reason and the detail."""
_TEXTS: Final = tuple(name for name, dtype in DECODED_SCHEMA.items() if dtype == pl.String)
_NEEDED: Final = sorted({column for required in kinds.REQUIRED.values() for column in required})


class CarrierUnknown(EmberlineError):
    """A topic has records but no adapter."""


@dataclass(frozen=True)
class DecodeRules:
    """What decoding needs to know of the company: its zone, the skew its clocks may have, its pseudonyms.

    `blocked_ids` are native ids that stand for nobody, beside those that do so everywhere.
    """

    zone: str
    max_skew: dt.timedelta
    pseudonyms: Pseudonyms
    blocked_ids: frozenset[str] = frozenset()


@dataclass(frozen=True)
class DecodedRecords:
    """`events` and `quarantine` in the columns of their tables, `batch` null; tombstones (null values) are counted.

    The events lie in the order of their table.
    """

    events: pl.DataFrame
    quarantine: pl.DataFrame
    tombstones: int


def decode(raw: pl.DataFrame, carriers: Mapping[str, Carrier], rules: DecodeRules) -> DecodedRecords:
    """Decode records of `raw` by the carrier of their topic. Every record is an event, quarantined, or a tombstone.

    Args:
        raw: rows of `schemas.lake.RAW`.
        carriers: topic -> adapter.
        rules: see `DecodeRules`.

    Raises:
        CarrierUnknown: a topic has no adapter.
    """
    present = raw.filter(pl.col("value").is_not_null()).with_row_index("row")
    events, rejected = [pl.DataFrame(schema=DECODED_SCHEMA)], [pl.DataFrame(schema=REJECTED_SCHEMA)]
    for topic, records in _by_topic(present.select("topic", "row", "value")):
        carrier = carriers.get(topic)
        if carrier is None:
            raise CarrierUnknown(
                f"Topic {topic} has records in the lake but no carrier.", "Name its carrier under [kafka.topics]."
            )
        decoded = carrier.decode_column(records["value"])
        for parts, part in ((events, decoded.events), (rejected, decoded.rejected)):
            parts.append(part.with_columns(records["row"].gather(part["row"])))
    decoded_rows = pl.concat(events)
    located = decoded_rows.hstack(present.select(*COORDINATES)[decoded_rows["row"]])
    clauses = list(_clauses(rules, located))
    is_breach = located.select(_is_breach(clauses)).to_series()
    rejected.append(located.filter(is_breach).select("row", _breach(clauses).struct.unnest()))
    refused = pl.concat(rejected)
    quarantine = refused.hstack(present.drop("row")[refused["row"]]).with_columns(batch=pl.lit(None, pl.Int64))
    return DecodedRecords(
        events=_finish(located.filter(~is_breach), rules),
        quarantine=quarantine.select(QUARANTINE.schema.names()),
        tombstones=raw.height - present.height,
    )


def _by_topic(records: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """Each topic and its records; to compare texts is cheaper than to group them, and most batches have one topic."""
    while not records.is_empty():
        topic = records["topic"][0]
        is_of_topic = records["topic"].eq_missing(topic)
        yield topic, records.filter(is_of_topic)
        records = records.filter(~is_of_topic)


def _is_breach(clauses: Sequence[_Clause]) -> pl.Expr:
    """Does a decoded event break the contract; cheap, since almost none does."""
    return pl.any_horizontal(clause.fill_null(value=False) for clause, _, _ in clauses)


def _breach(clauses: Sequence[_Clause]) -> pl.Expr:
    """The first clause of the contract that a decoded event breaks, struct(reason, detail)."""
    broken = [
        pl.when(clause).then(pl.struct(reason=pl.lit(reason), detail=detail)) for clause, reason, detail in clauses
    ]
    return pl.coalesce(broken)


def _clauses(rules: DecodeRules, events: pl.DataFrame) -> Iterator[_Clause]:
    """What no event may be, in order; most that these events cannot break are left out."""
    gaps = events.group_by("type").agg(pl.col(_NEEDED).is_null().any())
    found = set(gaps["type"])
    if unknown := found - kinds.REQUIRED.keys():
        yield pl.col("type").is_in(unknown), "unknown_kind", unknown_detail(unknown)
    for of_kind in gaps.iter_rows(named=True):
        kind = of_kind["type"]
        for column in kinds.REQUIRED.get(kind, ()):
            if of_kind[column]:
                is_missing = (pl.col("type") == kind) & pl.col(column).is_null()
                yield is_missing, "missing_field", pl.lit(f"{kind} needs {column}")
    for column in filter(lambda name: _has_nul(events[name]), _TEXTS):
        nul = pl.col(column).str.contains("\0", literal=True)
        yield nul, "invalid_field", pl.lit(f"{column} has a NUL, which no database stores")
    past = pl.format("{} is before {}", "time", pl.lit(EARLIEST.date().isoformat()))
    yield pl.col("time") < EARLIEST, "past_time", past
    untold = pl.lit("without it an event of the future cannot be told")
    yield pl.col("kafka_time").is_null(), "missing_kafka_time", untold
    ahead = pl.format("{} is after Kafka's {}", "time", "kafka_time")
    yield pl.col("time") > pl.col("kafka_time") + rules.max_skew, "future_time", ahead
    planned_end = pl.col("group_planned_end")
    out_of_range = pl.format("group_planned_end {} is out of range", planned_end)
    yield ~planned_end.is_between(EARLIEST, _LATEST), "invalid_field", out_of_range
    if kinds.IDENTITY_LINKED not in found:
        return
    ends = (pl.col(name) for name in ("account_id", "linked_account_id"))
    blocked = pl.any_horizontal(stands_for_nobody(end, rules.blocked_ids) for end in ends)
    nobody = pl.lit("an id that stands for nobody links no accounts")
    yield (pl.col("type") == kinds.IDENTITY_LINKED) & blocked, "blocked_id", nobody


def _has_nul(texts: pl.Series) -> bool:
    """Does any text have a NUL; their bytes side by side are searched five times as fast as text by text."""
    *_, content = texts.to_arrow().buffers()
    return not np.frombuffer(content or b"", np.uint8).all()


def _finish(events: pl.DataFrame, rules: DecodeRules) -> pl.DataFrame:
    known = without_nobody(events, rules.blocked_ids)
    pseudonymised = rules.pseudonyms.apply(known, ("account_id", "linked_account_id"), ("group_operators",))
    return (
        pseudonymised.with_columns(day=business_days(events["time"], rules.zone), batch=pl.lit(None, pl.Int64))
        .with_columns(month=month_of(pl.col("day")))
        .select(EVENTS.schema.names())
        .sort(EVENTS.sort_by)
    )
