"""The rows of the dimensions of `mart`, each with a row for the unknown value."""

from __future__ import annotations

from typing import Final

import polars as pl

from schemas.attribution import UNATTRIBUTED, UNKNOWN
from schemas.carriers import CARRIER_NAMES
from schemas.currencies import CURRENCIES
from schemas.dimensions import ENGAGEMENT, PURPOSES

_STATE: Final = pl.Enum(ENGAGEMENT)
_NAMES_OF_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SATURDAY: Final = 6


def group_rows(groups: pl.LazyFrame) -> pl.LazyFrame:
    """Return the groups of `schemas.lake.GROUP`, and the row for sales credited to no group."""
    nowhere = pl.LazyFrame({"group_id": UNATTRIBUTED, "carrier": UNKNOWN, "name": UNATTRIBUTED})
    return pl.concat([groups, nowhere], how="diagonal")


def carrier_rows(groups: pl.LazyFrame) -> pl.LazyFrame:
    """Return the carriers of groups with their display names; the default is the key."""
    carriers = _with_unknown(groups.select("carrier"))
    return carriers.with_columns(name=pl.col("carrier").replace(CARRIER_NAMES))


def purpose_rows(groups: pl.LazyFrame) -> pl.LazyFrame:
    """Return the purposes of groups."""
    return _with_unknown(groups.select("purpose")).with_columns(is_standard=pl.col("purpose").is_in(PURPOSES))


def currency_rows(credits: pl.LazyFrame, spend: pl.LazyFrame) -> pl.LazyFrame:
    """Return the currencies of credit and of costs; one that is not in ISO 4217 has nulls."""
    known = pl.LazyFrame(
        [(code, *one) for code, one in CURRENCIES.items()],
        schema={"currency": pl.String, "name": pl.String, "minor_digits": pl.Int16},
        orient="row",
    )
    used = pl.concat([rows.select("currency") for rows in (credits, spend)]).unique()
    return used.join(known, on="currency", how="left")


def item_rows(lines: pl.LazyFrame, matched: pl.LazyFrame) -> pl.LazyFrame:
    """Return the products of `schemas.lake.ORDER_ITEM` with their sales days, and of `schemas.lake.MATCHED_EVENT`."""
    sold = lines.group_by("product_id").agg(first_sold_on=pl.col("day").min(), last_sold_on=pl.col("day").max())
    products = _with_unknown(pl.concat([rows.select("product_id") for rows in (lines, matched)]))
    return products.join(sold, on="product_id", how="left")


def date_rows(*facts: pl.LazyFrame) -> pl.LazyFrame:
    """Return every day of the years that contain one of these days.

    Args:
        facts: `schemas.lake.FEED_DAY`, which has the day of every event of a feed, and `schemas.lake.INTERVENTION`
            and `schemas.lake.SPEND_DAY`, which have those of what people say.
    """
    day, days = pl.col("day"), pl.concat([fact.select("day") for fact in facts])
    years = days.select(
        first=day.min().dt.truncate("1y"), last=day.max().dt.truncate("1y").dt.offset_by("1y").dt.offset_by("-1d")
    )
    return (
        years.select(day=pl.date_ranges("first", "last"))
        .explode("day", empty_as_null=True)
        .drop_nulls()
        .select(
            "day",
            week=day.dt.truncate("1w"),
            month=day.dt.truncate("1mo"),
            quarter=day.dt.truncate("1q"),
            year=day.dt.year().cast(pl.Int16),
            month_number=day.dt.month(),
            iso_week=day.dt.week(),
            weekday=day.dt.weekday(),
            weekday_name=day.dt.weekday().replace_strict(range(1, 8), _NAMES_OF_DAYS, return_dtype=pl.String),
            is_weekend=day.dt.weekday() >= _SATURDAY,
        )
    )


def person_rows(
    firsts: pl.LazyFrame, members: pl.LazyFrame, values: pl.LazyFrame, orders: pl.LazyFrame, entries: pl.LazyFrame
) -> pl.LazyFrame:
    """Return every person that a fact names: first activity, engagement and value.

    Args:
        firsts: `schemas.lake.FIRST_SEEN`.
        members: `schemas.lake.MEMBER_STATE`.
        values: `schemas.lake.PERSON_VALUE`.
        orders: `schemas.lake.CUSTOMER_ORDER`.
        entries: `schemas.lake.FUNNEL_ENTRY`.
    """
    first = firsts.sort("first_time", "group_id").group_by("person_id").first()
    member = members.group_by("person_id").agg(
        memberships=pl.len().cast(pl.Int32),
        engagement=pl.col("state").cast(_STATE).min().cast(pl.String),
        last_active_on=pl.col("last_active_day").max(),
        is_consistent=pl.col("is_consistent").any(),
        is_vital=pl.col("is_vital").any(),
    )
    value = values.sort("orders", "currency", descending=[True, False]).group_by("person_id").first()
    buyers = orders.select("person_id").unique().with_columns(is_buyer=pl.lit(value=True))
    persons = pl.concat([rows.select("person_id") for rows in (firsts, members, values, orders, entries)])
    flags = ("is_consistent", "is_vital", "is_buyer")
    return (
        _with_unknown(persons)
        .join(first, on="person_id", how="left")
        .join(member, on="person_id", how="left")
        .join(value, on="person_id", how="left")
        .join(buyers, on="person_id", how="left")
        .with_columns(
            pl.col(flags).fill_null(value=False),
            pl.col("memberships").fill_null(0),
            first_seen_on="first_day",
            first_group_id="group_id",
        )
    )


def _with_unknown(keys: pl.LazyFrame) -> pl.LazyFrame:
    """Return the distinct values of a column, and the row for the unknown value."""
    name = keys.collect_schema().names()[0]
    return pl.concat([keys.drop_nulls(), pl.LazyFrame({name: [UNKNOWN]})]).unique()
