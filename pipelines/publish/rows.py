"""The rows of each warehouse table, from the facts of the lake."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

import polars as pl
import sqlalchemy as sa
from sqlalchemy.schema import CreateTable

from pipelines.funnel.views import entry_rows, matches
from pipelines.ingest.event_writer import BATCH
from pipelines.lake import Handle, Lake
from pipelines.publish import dimensions
from pipelines.publish.staging import LakeVersion, State
from pipelines.refresh import REBUILT, SETTINGS, recorded
from pipelines.refresh.written import rows_version
from schemas import lake as facts
from schemas import warehouse
from schemas.attribution import UNKNOWN
from schemas.currencies import CURRENCIES
from schemas.expectations import EXCLUSIONS, SUITES
from schemas.lake import LakeTable
from schemas.mart import sources_of
from schemas.mart_columns import minor_of

SOURCES: Final = tuple(dict.fromkeys(source for table in warehouse.DATA_TABLES for source in sources_of(table)))
"""The source tables of the warehouse in the lake, each once."""

_CODE_VERSION: Final = 1
"""Raise it when the code of this module, or what it calls, gives other rows from the same lake."""

_UNIT: Final = "minor unit"

Scan = Callable[[LakeTable], pl.LazyFrame]
"""Returns the rows of a lake table."""


def rows_of(table: sa.Table, scan: Scan) -> pl.LazyFrame:
    """Return the rows of a warehouse table, in its column order, from those of its source tables."""
    made: dict[str, Callable[[], pl.LazyFrame]] = {
        "dim_group": lambda: dimensions.group_rows(scan(facts.GROUP)),
        "dim_carrier": lambda: dimensions.carrier_rows(scan(facts.GROUP)),
        "dim_purpose": lambda: dimensions.purpose_rows(scan(facts.GROUP)),
        "dim_currency": lambda: dimensions.currency_rows(scan(facts.ORDER_CREDIT), scan(facts.SPEND_DAY)),
        "dim_date": lambda: dimensions.date_rows(*map(scan, (facts.FEED_DAY, facts.INTERVENTION, facts.SPEND_DAY))),
        "dim_person": lambda: dimensions.person_rows(*map(scan, sources_of(warehouse.dim_person))),
        "dim_item": lambda: dimensions.item_rows(scan(facts.ORDER_ITEM), scan(facts.MATCHED_EVENT)),
        "exclusion": lambda: exclusion_rows(scan(facts.PAYLOAD_CENSUS)),
        "excluded_account": lambda: excluded_rows(scan(facts.STAFF_DAY)),
        "group_hour": lambda: hour_rows(scan(facts.GROUP_HOUR)),
        "customer_order": lambda: order_rows(scan(facts.CUSTOMER_ORDER)),
        "funnel_entry": lambda: entry_rows(scan(facts.FUNNEL_ENTRY), scan(facts.GROUP)),
        "funnel_match": lambda: matches(scan(facts.FUNNEL_ENTRY), scan(facts.GROUP)),
        "order_credit": lambda: scan(facts.ORDER_CREDIT).with_columns(credit_id=_credit_id()),
    }
    rows = made.get(table.name, lambda: scan(sources_of(table)[0]))()
    return with_amounts(rows, table).select(column.name for column in table.columns)


def exclusion_rows(census: pl.LazyFrame) -> pl.LazyFrame:
    """Return the ignored and quarantined records of `schemas.lake.PAYLOAD_CENSUS` by day, topic and reason."""
    return (
        census.filter(pl.col("subject").is_in(EXCLUSIONS))
        .group_by("day", "topic", kind="subject", reason="name")
        .agg(pl.col("records").sum())
    )


def excluded_rows(days: pl.LazyFrame) -> pl.LazyFrame:
    """Return the accounts of `schemas.lake.STAFF_DAY`, one row per account, group and role."""
    day = pl.col("day")
    return days.group_by("group_id", "account_id", reason="role").agg(
        since=day.min(), last_on=day.max(), messages=pl.col("messages").cast(pl.Int64).sum()
    )


def hour_rows(hours: pl.LazyFrame) -> pl.LazyFrame:
    """Return `schemas.lake.GROUP_HOUR` summed by month, day of the week and hour."""
    return hours.group_by("group_id", "month", "hour", weekday=pl.col("day").dt.weekday()).agg(
        pl.col("messages", "reactions", "staff_messages").cast(pl.Int64).sum()
    )


def order_rows(orders: pl.LazyFrame) -> pl.LazyFrame:
    """Return the orders of `schemas.lake.CUSTOMER_ORDER`; those without a buyer get the unknown person."""
    return orders.with_columns(pl.col("person_id").fill_null(UNKNOWN), is_repeat=pl.col("order_number") > 1)


def with_amounts(rows: pl.LazyFrame, table: sa.Table) -> pl.LazyFrame:
    """Add the amounts in units of the currency for each `..._minor` column of a table."""
    amounts = {column.name: minor for column in table.columns if (minor := minor_of(column.name)) is not None}
    if not amounts:
        return rows
    unit = pl.LazyFrame(
        [
            (code, Decimal(1).scaleb(-one.minor_digits))
            for code, one in CURRENCIES.items()
            if one.minor_digits is not None
        ],
        schema={"currency": pl.String, _UNIT: pl.Decimal(38, 4)},
        orient="row",
    )
    exact = {name: pl.col(minor).cast(pl.Decimal(38, 0)) * pl.col(_UNIT) for name, minor in amounts.items()}
    return rows.join(unit, on="currency", how="left").with_columns(**exact).drop(_UNIT)


def state_of(table: sa.Table, opened: Mapping[str, Handle]) -> State:
    """Return the state of a warehouse table; its name changes with rows, columns and expectations."""
    made_of = [opened[source.name] for source in sources_of(table)]
    contract = f"{_CODE_VERSION} {CreateTable(table)} {SUITES[table.name]!r}"
    names = (f"{handle.id}/{rows_version(handle)}" for handle in made_of)
    return State(
        "/".join([*names, str(zlib.crc32(contract.encode()))]),
        {handle.table.name: LakeVersion(handle.version, handle.files_id) for handle in made_of},
    )


def lake_state(lake: Lake) -> int:
    """Return a fingerprint of the lake and of the contents of all source tables of the warehouse."""
    contents: list[tuple[str, object]] = [("lake", lake_id(lake))]
    contents += [(table.name, lake.open(table).content) for table in SOURCES]
    return zlib.crc32(repr(contents).encode())


def lake_id(lake: Lake) -> str:
    """Return the id of a lake: that of its table `raw`, which is created with it and never replaced."""
    return lake.open(facts.RAW).id


def is_mart_behind(lake: Lake, published: int | None) -> bool:
    """Whether the facts differ from those that `mart` was computed from; False if there is nothing to publish.

    Args:
        lake: The lake of the facts.
        published: `Warehouse.lake_state`.
    """
    if published is None:
        return lake.open(facts.EVENTS).content > 0
    return published != lake_state(lake)


def rules_state(lake: Lake) -> int:
    """Return a fingerprint of the settings that the source tables of the warehouse were computed with."""
    used = [(table.name, recorded(lake.open(table), SETTINGS)) for table in SOURCES if table.settings]
    return zlib.crc32(repr(used).encode())


def newest_rebuild(lake: Lake) -> int:
    """Return the newest rebuild that changed rows of a source table of the warehouse; 0: none."""
    return max(lake.open(table).position(REBUILT) or 0 for table in SOURCES)


def newest_batch(lake: Lake) -> int:
    """Return the newest batch of events that all facts by day include; 0 if there is none."""
    return min(recorded(lake.open(table), BATCH) or 0 for table in (facts.GROUP_DAY, facts.PERSON_DAY))


def _credit_id() -> pl.Expr:
    """Return a text key of model, shop, order, group and message; lengths keep different keys from colliding."""
    parts = (pl.col(name).fill_null("") for name in facts.ORDER_CREDIT.key)
    return pl.concat_str([pl.format("{}:{}", part.str.len_bytes(), part) for part in parts], separator="/")
