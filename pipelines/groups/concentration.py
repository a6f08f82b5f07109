"""Speaker concentration: the contributor absence factor of groups over a sliding window of days."""

from __future__ import annotations

import datetime as dt
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.arrays import fixed
from pipelines.compiled import compiled
from pipelines.groups.life import LIVING, MONTH
from schemas.lake import GROUP_HEALTH

HALF_WRITERS: Final = ("half_writers_28d", "half_writers_before")
"""The smallest number of members who wrote half of the messages: of 28 days, and of the 28 days before these."""


def with_half_writers(days: pl.DataFrame, person_day: pl.LazyFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Add the smallest number of members who wrote half of the messages of 28 days, as `HALF_WRITERS`.

    Days in `known` are copied from it; of `person_day` only the windows of the other days are read.

    Args:
        days: `group_id`, `day` and `state` of some groups: every day from a group's first one to a last day that all
            share, sorted by group and day.
        person_day: `schemas.lake.PERSON_DAY` of the same groups.
        known: `schemas.lake.GROUP_HEALTH` of days that are still valid; may be empty.

    Returns:
        The days with the columns `HALF_WRITERS`, null on days on which a group is not living.
    """
    now, before = HALF_WRITERS
    held = known.select(*GROUP_HEALTH.key, *HALF_WRITERS)
    days = days.join(held, on=GROUP_HEALTH.key, how="left", maintain_order="left")
    is_living = pl.col("state").is_in(LIVING)
    # Before the first day of a group nobody wrote.
    known_before = pl.col(now).shift(MONTH, fill_value=0).over("group_id")
    days = days.with_columns(pl.coalesce(before, known_before).alias(before))
    asked = days.filter(is_living & pl.col(now).is_null())
    is_counted_before = pl.col(before).is_null()
    first = asked.select(
        pl.min_horizontal(
            (pl.col("day") - dt.timedelta(days=MONTH - 1)).min(),
            (pl.col("day").filter(is_counted_before) - dt.timedelta(days=2 * MONTH - 1)).min(),
        )
    ).item()
    counted = pl.lit(None, pl.Int32)
    if isinstance(first, dt.date):
        counted = _counted(days, person_day.filter(pl.col("day") >= first, pl.col("month") >= first.replace(day=1)))
    anew = {now: pl.col("counted"), before: pl.col("counted").shift(MONTH, fill_value=0).over("group_id")}
    return (
        days.with_columns(counted=counted)
        .with_columns(pl.when(is_living).then(pl.coalesce(name, number)).alias(name) for name, number in anew.items())
        .drop("counted")
    )


def _counted(days: pl.DataFrame, person_day: pl.LazyFrame) -> pl.Series:
    """Compute the number for the 28 days that end with each day."""
    groups = days.with_row_index("begin").group_by("group_id", maintain_order=True).agg(pl.col("begin", "day").first())
    number = pl.col("begin").cast(pl.Int32) + (pl.col("day") - pl.col("first_day")).dt.total_days().cast(pl.Int32)
    written = (
        person_day.filter(pl.col("messages") > 0, pl.col("day") <= pl.lit(days["day"].max(), pl.Date))
        # Persons become integers: there are many rows, and only equality matters.
        .select("group_id", "day", "messages", writer=pl.col("person_id").cast(pl.Categorical).to_physical())
        .join(groups.lazy().rename({"day": "first_day"}), on="group_id")
        .filter(pl.col("day") >= pl.col("first_day"))
        .select("messages", "writer", day=number)
        .collect(engine="streaming")
    )
    bounds = np.append(groups["begin"].to_numpy(), days.height).astype(np.int64)
    day, writer, messages = (fixed(written[name]) for name in ("day", "writer", "messages"))
    return pl.Series(half_writers(bounds, day, writer, messages, MONTH), dtype=pl.Int32)


@compiled
def half_writers(
    bounds: NDArray[np.int64],
    day: NDArray[np.int32],
    writer: NDArray[np.uint32],
    messages: NDArray[np.int32],
    window: int,
) -> NDArray[np.int64]:
    """Compute, for the window that ends with each day, the smallest number of members who wrote half of its messages.

    The contributor absence factor of CHAOSS (docs/definitions.md#engagement), group by group.

    The busiest writers change little from day to day. So the loop keeps a histogram of writers by their number of
    messages, and moves the threshold above which writers make half of all messages: in fewer steps a day than the
    window has messages.

    Args:
        bounds: [groups + 1] index of each group's first day among the days of all, and the number of days.
        day: [rows] index of the day, in any order.
        writer: [rows] number of the writer, from 0.
        messages: [rows] messages of that writer on that day.
        window: Length of the window in days, including the day itself.

    Returns:
        [days] the number of members; 0 if nobody wrote.
    """
    found = np.zeros(bounds[-1], np.int64)
    starts, writer, messages = _by_day(bounds[-1], day, writer, messages)
    by_writer = np.zeros(writer.max() + 1 if len(writer) else 0, np.int64)
    writers = np.zeros(64, np.int64)  # histogram by number of messages
    for group in range(len(bounds) - 1):
        begin, stop = bounds[group], bounds[group + 1]
        # Half of the messages takes all writers above `least` messages, and some of those with exactly `least`.
        total, least, above, told_above = 0, 1, 0, 0
        # Days after the last one empty the window.
        for today in range(begin, stop + window):
            for sign, changed in ((1, today), (-1, today - window)):
                if not begin <= changed < stop:
                    continue
                for row in range(starts[changed], starts[changed + 1]):
                    before = by_writer[writer[row]]
                    now = before + sign * messages[row]
                    by_writer[writer[row]] = now
                    if now >= len(writers):
                        writers = np.append(writers, np.zeros(now, np.int64))
                    writers[before] -= 1
                    writers[now] += 1
                    total += now - before
                    if before > least:
                        above -= 1
                        told_above -= before
                    if now > least:
                        above += 1
                        told_above += now
            while 2 * told_above >= total > 0:
                least += 1
                above -= writers[least]
                told_above -= least * writers[least]
            while 2 * (told_above + least * writers[least]) < total:
                above += writers[least]
                told_above += least * writers[least]
                least -= 1
            if today < stop and total > 0:
                found[today] = above + -((2 * told_above - total) // (2 * least))
    return found


@compiled
def _by_day(
    n_days: int, day: NDArray[np.int32], writer: NDArray[np.uint32], messages: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.uint32], NDArray[np.int32]]:
    """Sort rows by day, by counting: the first row of each day and the number of rows; writers; messages."""
    starts = np.zeros(n_days + 1, np.int64)
    for row in range(len(day)):
        starts[day[row] + 1] += 1
    starts = np.cumsum(starts)
    place = starts[:-1].copy()
    sorted_writer, sorted_messages = np.empty_like(writer), np.empty_like(messages)
    for row in range(len(day)):
        at = place[day[row]]
        place[day[row]] += 1
        sorted_writer[at], sorted_messages[at] = writer[row], messages[row]
    return starts, sorted_writer, sorted_messages
