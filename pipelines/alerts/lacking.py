"""Add to an alert's reason which of a group's records did not arrive, by the numbers its platform gives."""

from __future__ import annotations

import polars as pl


def with_what_is_missing(groups: pl.DataFrame, missing: pl.DataFrame, heard: pl.DataFrame, zone: str) -> pl.DataFrame:
    """Prefix the reason of each group that has missing numbers: the loss may explain the silence.

    Args:
        groups: `group_id`, `reason` and `holds`, with any other columns.
        missing: `pipelines.events.sequences.MISSING`; a number without a group may belong to any group of its source.
        heard: `group_id` and `source`.
        zone: IANA name of the business zone.

    Returns:
        The groups with `numbers_missing`, null where none is known to be missing; `reason` has the prefix where the
        rule holds.
    """
    of_source = missing.filter(pl.col("group_id").is_null()).drop("group_id")
    concerned = heard.select("group_id", "source").drop_nulls().unique()
    of_group = pl.concat(
        [missing.drop_nulls("group_id"), concerned.join(of_source, on="source").select(missing.columns)]
    )
    lost = of_group.group_by("group_id").agg(
        pl.col("numbers").sum().alias("numbers_missing"),
        pl.col("after").min().dt.convert_time_zone(zone).dt.date(),
        pl.col("before").max().dt.convert_time_zone(zone).dt.date(),
    )
    with_missing = pl.format(
        "{} of what its source numbered did not arrive, sent from {} to {}; {}",
        "numbers_missing", "after", "before", "reason",
    )  # fmt: skip
    is_missing = pl.col("holds") & pl.col("numbers_missing").is_not_null()
    return (
        groups.join(lost, on="group_id", how="left", maintain_order="left")
        .with_columns(reason=pl.when(is_missing).then(with_missing).otherwise("reason"))
        .drop("after", "before")
    )
