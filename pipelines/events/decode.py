"""Raw records -> events and quarantine: decode by the topic's carrier, check the contract, pseudonymise."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl

from pipelines.carriers import Carrier
from pipelines.carriers.base import DECODED_SCHEMA, IGNORED_SCHEMA, NUMBERED_SCHEMA, REJECTED_SCHEMA, TOTALS_SCHEMA
from pipelines.events.event_ids import without_accounts
from pipelines.events.placeholders import is_placeholder, without_placeholders
from pipelines.events.pseudonym import Pseudonyms
from pipelines.events.sequences import ranges_of
from pipelines.events.suppression import SUPPRESSED, Suppression
from pipelines.events.unknown_kinds import unknown_detail
from pipelines.time import business_days, month_of
from schemas import kinds
from schemas.errors import EmberlineError
from schemas.lake import CONTROL_TOTAL, COORDINATES, EVENTS, IGNORED, QUARANTINE, SEQUENCE_RANGE

EARLIEST: Final = dt.datetime(1990, 1, 1, tzinfo=dt.UTC)
"""The earliest accepted `time`, before any group chat: an earlier one means a wrong unit or an unset clock."""

_LATEST: Final = dt.datetime(9999, 12, 30, tzinfo=dt.UTC)
"""The latest accepted `time`: clients cannot convert later instants to every zone."""
NOTHING: Final = "nothing"
"""Reason for ignoring a record if its carrier gives none."""

_Clause = tuple[pl.Expr, str, pl.Expr]
"""Condition (null: not met), reason and detail."""
_TEXTS: Final = tuple(name for name, dtype in DECODED_SCHEMA.items() if dtype == pl.String)
_NEEDED: Final = sorted({column for required in kinds.REQUIRED.values() for column in required})


class CarrierUnknown(EmberlineError):
    """A topic has records but no adapter."""


@dataclass(frozen=True)
class DecodeRules:
    """Rules of a company for decoding: zone, allowed clock skew, pseudonyms.

    `blocked_ids` are native placeholder ids, beside the general ones; `operators` are accounts, in clear, that work for
    the company whatever a payload says. Events of persons in `suppression` are dropped.
    """

    zone: str
    max_skew: dt.timedelta
    pseudonyms: Pseudonyms
    blocked_ids: frozenset[str] = frozenset()
    operators: frozenset[str] = frozenset()
    suppression: Suppression = field(default_factory=Suppression)


@dataclass(frozen=True)
class DecodedRecords:
    """Decoded records: each gives events, a row in quarantine, or both; or it is ignored, or a tombstone.

    Attributes:
        events: Rows of `events`, in its order, `batch` null.
        quarantine: Rows of `quarantine`, one per record, `batch` null.
        ignored: Rows of `ignored`, one per record, `batch` null.
        tombstones: Number of records without a value.
        further: Number of events and quarantine rows beyond the first of their record.
        ranges: Rows of `sequence_range`: sequence numbers of all these records.
        totals: Rows of `control_total`.
    """

    events: pl.DataFrame
    quarantine: pl.DataFrame
    ignored: pl.DataFrame
    tombstones: int
    further: int
    ranges: pl.DataFrame
    totals: pl.DataFrame


def decode(raw: pl.DataFrame, carriers: Mapping[str, Carrier], rules: DecodeRules) -> DecodedRecords:
    """Decode records of `raw` by the carrier of their topic, and check the contract of each event.

    A record with good and bad events keeps the good ones and is put in quarantine for its first bad one. A record that
    gives no events is ignored.

    Args:
        raw: Rows of `schemas.lake.RAW`.
        carriers: Topic -> adapter.
        rules: The rules of the company.

    Raises:
        CarrierUnknown: A topic has no adapter.
    """
    present = raw.filter(pl.col("value").is_not_null()).with_row_index("row")
    events, rejected = (
        [pl.DataFrame(schema={**DECODED_SCHEMA, "coverage": pl.String, "membership": pl.String})],
        [pl.DataFrame(schema=REJECTED_SCHEMA)],
    )
    ignored = [pl.DataFrame(schema=IGNORED_SCHEMA)]
    numbered = [pl.DataFrame(schema=NUMBERED_SCHEMA)]
    totals = [pl.DataFrame(schema=TOTALS_SCHEMA)]
    for topic, records in _by_topic(present.select("topic", "row", "value", "headers")):
        carrier = carriers.get(topic)
        if carrier is None:
            raise CarrierUnknown(
                f"Topic {topic} has records in the lake but no carrier.", "Name its carrier under [kafka.topics]."
            )
        decoded = carrier.decode_column(records["value"], records["headers"])
        decoded_events = decoded.events.with_columns(
            coverage=pl.lit(carrier.coverage, pl.String), membership=pl.lit(carrier.membership, pl.String)
        )
        for parts, part in (
            (events, decoded_events),
            (rejected, decoded.rejected),
            (ignored, decoded.ignored),
            (numbered, decoded.numbered),
            (totals, decoded.totals),
        ):
            parts.append(part.with_columns(records["row"].gather(part["row"])))
    decoded_rows = pl.concat(events)
    located = _timed(decoded_rows.hstack(present.select(*COORDINATES)[decoded_rows["row"]]))
    clauses = list(_clauses(rules, located))
    is_breach = located.select(_is_breach(clauses)).to_series()
    broken = located.filter(is_breach).sort("row", "position").select("row", _breach(clauses).struct.unnest())
    refused = pl.concat([*rejected, broken]).unique("row", keep="first", maintain_order=True)
    quarantine = refused.hstack(present.drop("row")[refused["row"]]).with_columns(batch=pl.lit(None, pl.Int64))
    good = _pseudonymised(located.filter(~is_breach), rules)
    kept = rules.suppression.without(good)
    names_erased = rules.suppression.sent(quarantine["value"])
    refused, quarantine = refused.filter(~names_erased), quarantine.filter(~names_erased)
    if kept.height < good.height or names_erased.any():
        ignored.append(_suppressed(good["row"], broken["row"], *(part["row"] for part in rejected)))
    passed_over = _ignored(present, kept["row"], refused["row"], pl.concat(ignored))
    return DecodedRecords(
        events=_finish(kept, rules),
        quarantine=quarantine.select(QUARANTINE.schema.names()),
        ignored=passed_over,
        tombstones=raw.height - present.height,
        further=kept.height + quarantine.height - (present.height - passed_over.height),
        ranges=_ranges(present, pl.concat(numbered)),
        totals=_totals(present, pl.concat(totals), rules),
    )


def _ranges(present: pl.DataFrame, numbered: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of `SEQUENCE_RANGE`."""
    if numbered.is_empty():
        return pl.DataFrame(schema=SEQUENCE_RANGE.schema)
    return ranges_of(numbered.hstack(present.select("topic", "kafka_time")[numbered["row"]]))


def _totals(present: pl.DataFrame, totals: pl.DataFrame, rules: DecodeRules) -> pl.DataFrame:
    """Return the rows of `CONTROL_TOTAL`, without those of erased owners."""
    said_at = present["kafka_time"].gather(totals["row"]).alias("said_at")
    known = rules.pseudonyms.apply(totals.with_columns(said_at), ("owner_id",))
    return known.filter(~rules.suppression.covers(known["owner_id"])).select(CONTROL_TOTAL.schema.names())


def _timed(events: pl.DataFrame) -> pl.DataFrame:
    """Give events whose source has no time the Kafka timestamp of their record."""
    is_arrival = (pl.col("time_quality") == "arrival") & pl.col("time").is_null()
    return events.with_columns(time=pl.when(is_arrival).then("kafka_time").otherwise("time"))


def _ignored(present: pl.DataFrame, decoded: pl.Series, refused: pl.Series, ignored: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of `IGNORED`: records without events or errors, with or without a reason of the carrier."""
    is_made = np.zeros(present.height, np.bool_)
    is_made[decoded.to_numpy()] = True
    is_made[refused.to_numpy()] = True
    if is_made.all():
        return pl.DataFrame(schema=IGNORED.schema)
    reasons = ignored.unique("row", keep="first", maintain_order=True)
    return (
        present.filter(~pl.Series(is_made))
        .join(reasons, on="row", how="left", maintain_order="left")
        .with_columns(pl.col("reason").fill_null(NOTHING), batch=pl.lit(None, pl.Int64))
        .select(IGNORED.schema.names())
    )


def _by_topic(records: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """Yield each topic and its records; filtering is cheaper than grouping, and most batches have one topic."""
    while not records.is_empty():
        topic = records["topic"][0]
        is_of_topic = records["topic"].eq_missing(topic)
        yield topic, records.filter(is_of_topic)
        records = records.filter(~is_of_topic)


def _is_breach(clauses: Sequence[_Clause]) -> pl.Expr:
    """Return whether a decoded event breaks the contract; cheap, since almost none do."""
    return pl.any_horizontal(clause.fill_null(value=False) for clause, _, _ in clauses)


def _breach(clauses: Sequence[_Clause]) -> pl.Expr:
    """Return the first clause of the contract that a decoded event breaks, struct(reason, detail)."""
    broken = [
        pl.when(clause).then(pl.struct(reason=pl.lit(reason), detail=detail)) for clause, reason, detail in clauses
    ]
    return pl.coalesce(broken)


def _clauses(rules: DecodeRules, events: pl.DataFrame) -> Iterator[_Clause]:
    """Return the clauses of the contract in order, without most of those that these events cannot break."""
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
    if events["items"].null_count() < events.height:
        product = pl.element().struct.field("product_id").str.contains("\0", literal=True)
        has_nul = pl.col("items").list.eval(product).list.any()
        yield has_nul, "invalid_field", pl.lit("items.product_id has a NUL, which no database stores")
    yield pl.col("time") < EARLIEST, "past_time", past
    untold = pl.lit("without it, events from the future cannot be detected")
    yield pl.col("kafka_time").is_null(), "missing_kafka_time", untold
    for column in filter(lambda name: events[name].null_count(), ("source", "event_id", "time")):
        yield pl.col(column).is_null(), "missing_field", pl.lit(f"an event needs {column}")
    ahead = pl.format("{} is after Kafka's {}", "time", "kafka_time")
    yield pl.col("time") > pl.col("kafka_time") + rules.max_skew, "future_time", ahead
    planned_end = pl.col("group_planned_end")
    out_of_range = pl.format("group_planned_end {} is out of range", planned_end)
    yield ~planned_end.is_between(EARLIEST, _LATEST), "invalid_field", out_of_range
    if kinds.IDENTITY_LINKED not in found:
        return
    ends = (pl.col(name) for name in ("account_id", "linked_account_id"))
    blocked = pl.any_horizontal(is_placeholder(end, rules.blocked_ids) for end in ends)
    nobody = pl.lit("a placeholder id links no accounts")
    yield (pl.col("type") == kinds.IDENTITY_LINKED) & blocked, "blocked_id", nobody


def _has_nul(texts: pl.Series) -> bool:
    """Return whether any text has a NUL; searching the concatenated bytes is five times as fast."""
    *_, content = texts.to_arrow().buffers()
    return not np.frombuffer(content or b"", np.uint8).all()


def _with_operators(events: pl.DataFrame, operators: frozenset[str]) -> pl.DataFrame:
    if not operators:
        return events
    works_for_us = pl.col("account_id").is_in(list(operators))
    return events.with_columns(role=pl.when(works_for_us).then(pl.lit("operator")).otherwise("role"))


def _suppressed(*rows: pl.Series) -> pl.DataFrame:
    """Return the ignored rows of records whose events were all dropped."""
    return pl.DataFrame({"row": pl.concat(rows).unique()}).with_columns(reason=pl.lit(SUPPRESSED))


def _pseudonymised(events: pl.DataFrame, rules: DecodeRules) -> pl.DataFrame:
    known = without_placeholders(_with_operators(events, rules.operators), rules.blocked_ids)
    known = without_accounts(known, rules.pseudonyms)
    return rules.pseudonyms.apply(known, ("account_id", "linked_account_id"), ("group_operators", "members"))


def _finish(events: pl.DataFrame, rules: DecodeRules) -> pl.DataFrame:
    return (
        events.with_columns(day=business_days(events["time"], rules.zone), batch=pl.lit(None, pl.Int64))
        .with_columns(month=month_of(pl.col("day")))
        .select(EVENTS.schema.names())
        .sort(EVENTS.sort_by)
    )
