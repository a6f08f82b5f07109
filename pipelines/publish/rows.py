"""What each warehouse table holds, from the facts of the lake."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Final

import polars as pl
from sqlalchemy.schema import CreateTable

from pipelines.funnel.views import entry_rows, matches
from pipelines.ingest.event_writer import BATCH
from pipelines.lake import Lake
from pipelines.refresh import REBUILT, SETTINGS, recorded
from pipelines.refresh.written import rows_version
from schemas import lake as facts
from schemas import warehouse
from schemas.currencies import CURRENCIES
from schemas.expectations import SUITES
from schemas.lake import LakeTable

_OF_EVENTS: Final = (
    facts.GROUP, facts.GROUP_DAY, facts.GROUP_STATE, facts.GROUP_RISK, facts.RETENTION, facts.LIFECYCLE,
    facts.MEMBER_STATE, facts.FUNNEL_ENTRY, facts.ORDER_CREDIT, facts.ORDER_REFUND, facts.PERSON_VALUE,
)  # fmt: skip
_SUMMARIES: Final = (
    facts.GROUP_ENGAGEMENT, facts.FUNNEL_STEP, facts.FUNNEL_BREAKDOWN, facts.FUNNEL_TIME_TO_CONVERT, facts.FUNNEL_CURVE,
    facts.FUNNEL_TREND, facts.GROUP_SALES, facts.MESSAGE_SALES, facts.SEGMENT_SALES,
)  # fmt: skip

SOURCES: Final = {
    "dim_group": ["group"],
    "dim_currency": ["order_credit"],
    "funnel_entry": ["funnel_entry", "group"],
    "funnel_match": ["funnel_entry", "group"],
}
"""The lake tables that a warehouse table is made of, where it is not the one of its name."""


def warehouse_rows(lake: Lake) -> dict[str, pl.LazyFrame]:
    """The complete contents of every table in `schemas.warehouse.DATA_TABLES`, by table name, columns in its order."""

    def scan(table: LakeTable) -> pl.LazyFrame:
        return lake.open(table).scan()

    rows: dict[str, Callable[[], pl.LazyFrame]] = {
        "dim_group": lambda: scan(facts.GROUP),
        "dim_currency": lambda: currency_rows(scan(facts.ORDER_CREDIT)),
        "funnel_entry": lambda: entry_rows(scan(facts.FUNNEL_ENTRY), scan(facts.GROUP)),
        "funnel_match": lambda: matches(scan(facts.FUNNEL_ENTRY), scan(facts.GROUP)),
        "order_credit": lambda: scan(facts.ORDER_CREDIT).with_columns(credit_id=_credit_id()),
    }
    return {
        table.name: rows.get(table.name, lambda name=table.name: scan(facts.TABLES[name]))().select(
            column.name for column in table.columns
        )
        for table in warehouse.DATA_TABLES
    }


def table_states(lake: Lake) -> dict[str, str]:
    """A text for each table of `DATA_TABLES` that changes with its rows, its columns or what is expected of it."""
    states = {}
    for table in warehouse.DATA_TABLES:
        made_of = [lake.open(facts.TABLES[name]) for name in SOURCES.get(table.name, [table.name])]
        contract = f"{CreateTable(table)} {SUITES[table.name]!r}"
        versions = (f"{handle.id}/{rows_version(handle)}" for handle in made_of)
        states[table.name] = "/".join([*versions, str(zlib.crc32(contract.encode()))])
    return states


def currency_rows(credits: pl.LazyFrame) -> pl.LazyFrame:
    """The currencies of credit, in the columns of `warehouse.dim_currency`; one that ISO 4217 has not got has nulls."""
    known = pl.LazyFrame(
        [(code, *one) for code, one in CURRENCIES.items()],
        schema={"currency": pl.String, "name": pl.String, "minor_digits": pl.Int16},
        orient="row",
    )
    return credits.select("currency").unique().join(known, on="currency", how="left")


def lake_state(lake: Lake) -> int:
    """A fingerprint of the contents of all facts that the warehouse is made from, and of the lake they are in."""
    contents: list[tuple[str, object]] = [("lake", lake_id(lake))]
    contents += [(table.name, lake.open(table).content) for table in (*_OF_EVENTS, *_SUMMARIES)]
    return zlib.crc32(repr(contents).encode())


def lake_id(lake: Lake) -> str:
    """The id of a lake: that of its table `raw`, which is made with it and never replaced."""
    return lake.open(facts.RAW).id


def is_mart_behind(lake: Lake, published: int | None) -> bool:
    """Whether the facts are others than those that `mart` was made from; no: nothing is published, nor to publish.

    Args:
        lake: Holds the facts.
        published: `Warehouse.lake_state`.
    """
    if published is None:
        return lake.open(facts.EVENTS).content > 0
    return published != lake_state(lake)


def rules_state(lake: Lake) -> int:
    """A fingerprint of the settings that the facts were computed with, all facts that the warehouse is made from."""
    used = [(table.name, recorded(lake.open(table), SETTINGS)) for table in _OF_EVENTS]
    return zlib.crc32(repr(used).encode())


def newest_rebuild(lake: Lake) -> int:
    """The newest rebuild that changed rows of a fact that the warehouse is made from; 0: there was none."""
    return max(lake.open(table).position(REBUILT) or 0 for table in (*_OF_EVENTS, *_SUMMARIES))


def newest_batch(lake: Lake) -> int:
    """The newest batch of events that all facts by day include; 0 where there are none."""
    return min(recorded(lake.open(table), BATCH) or 0 for table in (facts.GROUP_DAY, facts.PERSON_DAY))


def _credit_id() -> pl.Expr:
    """One text key of model, shop, order, group and message; lengths keep different parts different."""
    parts = (pl.col(name).fill_null("") for name in facts.ORDER_CREDIT.key)
    return pl.concat_str([pl.format("{}:{}", part.str.len_bytes(), part) for part in parts], separator="/")
