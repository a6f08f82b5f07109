"""The truth of a simulated world, from its plan."""

from __future__ import annotations

import datetime as dt
from typing import Final

import numpy as np
import polars as pl

from emberline.simulator.buying import Purchases, attributed
from emberline.simulator.clock import DAY, HOUR, NEVER, Calendar
from emberline.simulator.company import BURST, FATES, PURPOSES, Company
from emberline.simulator.people import WINDOW, People
from emberline.simulator.products import ProductMessages
from emberline.simulator.rows import COSTS, SAID_BY_PEOPLE, accounts
from emberline.simulator.shop import customers, linked

STEPS: Final = ("joined", "activated", "retained", "exposed", "clicked", "ordered", "paid", "repurchased")
LATENESS: Final = HOUR
IDLE: Final = DAY
DEAD_AFTER_DAYS: Final = 28

_UTC: Final = pl.Datetime("us", "UTC")


def watermark(events: pl.DataFrame) -> int:
    """The time up to which the planned events are complete, in microseconds."""
    newest = (
        events.filter(~pl.col("carrier").is_in(SAID_BY_PEOPLE)).group_by("carrier").agg(pl.col("time").max())["time"]
    )
    newest_of_all = newest.to_numpy().max()
    live = newest.filter(newest >= newest_of_all - IDLE)
    return int(live.to_numpy().min()) - LATENESS


def complete_through(calendar: Calendar, at: int) -> dt.date:
    """The last day that is over at an instant."""
    return calendar.date(at) - dt.timedelta(days=1)


def levels(company: Company, carriers: pl.Series, people: People, purchases: Purchases, at: int) -> pl.DataFrame:
    """One row per person; see `Truth.levels`."""
    everyone = np.arange(people.size)
    home = accounts(carriers.gather(company.carrier[people.home]), everyone)
    other = accounts(carriers.gather(company.carrier[np.maximum(people.second, 0)]), everyone)
    two = pl.Series(people.on_two_carriers(company))
    has_customer = pl.Series(linked(company, people, purchases))
    inside = pl.select(
        members=pl.when(two).then(pl.concat_list(home, other)).otherwise(pl.concat_list(home)),
        customer_id=pl.when(has_customer).then(customers(everyone)),
        level=pl.Series(people.level),
        entered_at=pl.Series(people.entered).cast(_UTC),
        is_mature=pl.Series(people.entered + WINDOW <= at),
    )
    outside = purchases.orders["person"].unique().sort()
    outside = outside.filter(outside >= people.size).to_numpy()
    strangers = pl.DataFrame({"customer_id": customers(outside)}).with_columns(
        members=pl.lit([], pl.List(pl.String)), level=pl.lit(0, pl.Int64), is_mature=pl.lit(False)
    )
    return (
        pl.concat([inside, strangers], how="diagonal")
        .with_columns(person=pl.format("simulated-person-{}", pl.int_range(1, pl.len() + 1)))
        .select("person", "members", "customer_id", "level", "entered_at", "is_mature")
    )


def funnel(people: pl.DataFrame) -> dict[str, int]:
    """Persons at each level or above it."""
    return {step: people.filter(pl.col("level") >= number).height for number, step in enumerate(STEPS, start=1)}


def groups(calendar: Calendar, company: Company, carriers: pl.Series, activity: pl.DataFrame, at: int) -> pl.DataFrame:
    """One row per group; see `Truth.groups`."""
    last_day = complete_through(calendar, at)
    over = int(calendar.midnights[(last_day - calendar.start).days + 1])
    newest = activity.filter(pl.col("time") < over).group_by("group").agg(pl.col("time").max())
    born = pl.when(pl.Series(company.burst) != NEVER).then(pl.Series(company.burst) + int(BURST[-1]))
    planned = pl.select(
        group=pl.int_range(company.size, eager=True),
        group_id=company.ids,
        carrier=carriers.gather(company.carrier),
        purpose=pl.Series(PURPOSES).gather(company.purpose),
        fate=pl.Series(FATES).gather(company.fate),
        born_at=born.cast(_UTC),
        may_die=pl.Series(company.is_born & ~company.has_fate("ends")),
    )
    dead = pl.col("last_active_day").dt.offset_by(f"{DEAD_AFTER_DAYS}d")

    def day(name: str) -> pl.Expr:
        return pl.col(name).cast(_UTC).dt.convert_time_zone(calendar.zone).dt.date()

    return (
        planned.join(newest, on="group", how="left", maintain_order="left")
        .with_columns(born_day=day("born_at"), last_active_day=day("time"))
        .with_columns(dead_since=pl.when(pl.col("may_die") & (dead <= last_day)).then(dead))
        .select("group_id", "carrier", "purpose", "fate", "born_at", "born_day", "last_active_day", "dead_since")
    )


def sales(company: Company, purchases: Purchases, offers: ProductMessages) -> pl.DataFrame:
    """Money by group and currency; see `Truth.sales`."""
    refunded = purchases.refunds.group_by("order").agg(refunded_minor=pl.col("total_minor").sum())
    names = pl.DataFrame({"credit": np.arange(company.size), "group_id": company.ids})
    return (
        attributed(purchases, offers)
        .with_columns(pl.col("order").cast(pl.Int64))
        .join(refunded, on="order", how="left")
        .with_columns(pl.col("refunded_minor").fill_null(0))
        .with_columns(net_minor=(pl.col("total_minor") - pl.col("refunded_minor")).clip(lower_bound=0))
        .join(names, on="credit", how="left")
        .group_by("group_id", "currency")
        .agg(
            orders=pl.len().cast(pl.Int64),
            paid_minor=pl.col("total_minor").sum(),
            refunded_minor=pl.col("refunded_minor").sum(),
            net_minor=pl.col("net_minor").sum(),
        )
        .sort("group_id", "currency", nulls_last=True)
    )


def spend(events: pl.DataFrame) -> pl.DataFrame:
    """Costs by group, campaign and currency; see `Truth.spend`."""
    costs = events.filter(pl.col("carrier") == COSTS)
    keys = ("group_id", "campaign", "currency")
    return costs.group_by(keys).agg(spend_minor=pl.col("total_minor").sum()).sort(keys, nulls_last=True)


def counts(records: pl.DataFrame) -> dict[str, int]:
    """Number of records by kind (`Truth.counts`). Input as `faults.delivered` returns it."""
    kind = dict(records["kind"].value_counts().iter_rows())
    sorts = dict(records["sort"].drop_nulls().value_counts().sort("sort").iter_rows())
    late = kind.get("late", 0)
    return {
        "records": records.height,
        "events": kind.get("event", 0) + late,
        "late": late,
        "duplicates": kind.get("duplicate", 0),
        "conflicts": kind.get("conflict", 0),
        "broken": kind.get("broken", 0),
        **{f"broken.{sort}": count for sort, count in sorts.items()},
    }
