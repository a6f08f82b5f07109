"""Raw records -> events and quarantine: decode by the topic's carrier, check the contract, pseudonymise."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from pipelines.carriers import Carrier
from pipelines.carriers.base import DECODED_SCHEMA, REJECTED_SCHEMA
from pipelines.events.pseudonym import Pseudonyms
from pipelines.time import business_day, month_of
from schemas import kinds
from schemas.errors import EmberlineError
from schemas.lake import COORDINATES, EVENTS, QUARANTINE

EARLIEST: Final = dt.datetime(1990, 1, 1, tzinfo=dt.UTC)
"""No group chat is older; an earlier `time` is a unit mistaken or a clock that was never set."""

_LATEST: Final = dt.datetime(9999, 12, 30, tzinfo=dt.UTC)
"""Later instants are beyond what a client can read back in every zone."""
_TEXTS: Final = tuple(name for name, dtype in DECODED_SCHEMA.items() if dtype == pl.String)


class CarrierUnknown(EmberlineError):
    """A topic has records but no adapter."""


@dataclass(frozen=True)
class DecodeRules:
    """What decoding needs to know of the company: its zone, the skew its clocks may have, its pseudonyms."""

    zone: str
    max_skew: dt.timedelta
    pseudonyms: Pseudonyms


@dataclass(frozen=True)
class DecodedRecords:
    """`events` and `quarantine` in the columns of their tables, `batch` null; tombstones (null values) are counted."""

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
    for (topic,), records in present.group_by("topic"):
        carrier = carriers.get(str(topic))
        if carrier is None:
            raise CarrierUnknown(
                f"Topic {topic} has records in the lake but no carrier.", "Name its carrier under [kafka.topics]."
            )
        decoded = carrier.decode(records["value"].to_list())
        positions = records.select(pl.col("row").alias("of_all")).with_row_index("row")
        for parts, part in ((events, decoded.events), (rejected, decoded.rejected)):
            placed = part.join(positions, on="row", how="left").with_columns(row=pl.col("of_all")).drop("of_all")
            parts.append(placed)
    located = pl.concat(events).join(present.select("row", *COORDINATES), on="row", how="left")
    judged = located.with_columns(_breach(rules).alias("breach")).with_columns(
        reason=pl.col("breach").struct.field("reason"), detail=pl.col("breach").struct.field("detail")
    )
    rejected.append(judged.filter(pl.col("reason").is_not_null()).select(REJECTED_SCHEMA.names()))
    quarantine = pl.concat(rejected).join(present, on="row", how="left").with_columns(batch=pl.lit(None, pl.Int64))
    return DecodedRecords(
        events=_finish(judged.filter(pl.col("reason").is_null()), rules),
        quarantine=quarantine.select(QUARANTINE.schema.names()),
        tombstones=raw.height - present.height,
    )


def _breach(rules: DecodeRules) -> pl.Expr:
    """The first clause of the contract that a decoded event breaks, struct(reason, detail); nulls: none."""

    def breach(reason: str, detail: pl.Expr) -> pl.Expr:
        return pl.struct(reason=pl.lit(reason), detail=detail)

    checks = pl.when(~pl.col("type").is_in(list(kinds.REQUIRED))).then(
        breach("unknown_kind", pl.format("{} is no kind of event", "type"))
    )
    for kind, required in kinds.REQUIRED.items():
        for column in required:
            checks = checks.when((pl.col("type") == kind) & pl.col(column).is_null()).then(
                breach("missing_field", pl.lit(f"{kind} needs {column}"))
            )
    for column in _TEXTS:
        nul = pl.col(column).str.contains("\0", literal=True)
        checks = checks.when(nul).then(breach("invalid_field", pl.lit(f"{column} has a NUL, which no database stores")))
    planned_end = pl.col("group_planned_end")
    blocked = _stands_for_nobody("account_id") | _stands_for_nobody("linked_account_id")
    return (
        checks.when(pl.col("time") < EARLIEST)
        .then(breach("past_time", pl.format("{} is before {}", "time", pl.lit(EARLIEST.date().isoformat()))))
        .when(pl.col("kafka_time").is_null())
        .then(breach("missing_kafka_time", pl.lit("without it an event of the future cannot be told")))
        .when(pl.col("time") > pl.col("kafka_time") + rules.max_skew)
        .then(breach("future_time", pl.format("{} is after Kafka's {}", "time", "kafka_time")))
        .when(~planned_end.is_between(EARLIEST, _LATEST))
        .then(breach("invalid_field", pl.format("group_planned_end {} is out of range", planned_end)))
        .when((pl.col("type") == kinds.IDENTITY_LINKED) & blocked)
        .then(breach("blocked_id", pl.lit("an id that stands for nobody links no accounts")))
        .otherwise(pl.struct(reason=pl.lit(None, pl.String), detail=pl.lit(None, pl.String)))
    )


def _stands_for_nobody(column: str) -> pl.Expr:
    native = pl.col(column).str.extract("(?s)^[^:]+:(.*)$").str.strip_chars().str.to_lowercase()
    return native.is_in(kinds.BLOCKED_NATIVE_IDS)


def _finish(events: pl.DataFrame, rules: DecodeRules) -> pl.DataFrame:
    pseudonymised = rules.pseudonyms.apply(events, ("account_id", "linked_account_id"), ("group_operators",))
    return (
        pseudonymised.with_columns(day=business_day(pl.col("time"), rules.zone), batch=pl.lit(None, pl.Int64))
        .with_columns(month=month_of(pl.col("day")))
        .select(EVENTS.schema.names())
    )
