"""Add to an alert's reason which of a group's records did not arrive, by what its platform numbers and counts."""

from __future__ import annotations

import polars as pl

from pipelines.events.control_totals import DAY


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
    words = "{} of what its source numbered did not arrive, sent from {} to {}; {}"
    return _with_prefix(groups, of_group.rename({"numbers": "numbers_missing"}), "numbers_missing", words, zone)


def with_what_is_short(groups: pl.DataFrame, short: pl.DataFrame, zone: str) -> pl.DataFrame:
    """Prefix the reason of each group of an owner in whose groups fewer messages arrived than the platform counted.

    Args:
        groups: `group_id`, `reason` and `holds`, with any other columns.
        short: `pipelines.ingest.short.short_by_owner`.
        zone: IANA name of the business zone.

    Returns:
        The groups with `messages_missing` in all groups of the owner, null where none is known to be missing; `reason`
        has the prefix where the rule holds.
    """
    of_group = short.explode("group_ids").select(
        "after", group_id="group_ids", messages_missing="messages", before=pl.col("before") - DAY
    )
    words = "{} messages that its platform counted in the groups of its owner did not arrive, sent from {} to {}; {}"
    return _with_prefix(groups, of_group, "messages_missing", words, zone)


def _with_prefix(groups: pl.DataFrame, of_group: pl.DataFrame, lost: str, words: str, zone: str) -> pl.DataFrame:
    """Add `lost`, summed by group; where the rule holds, prefix the reason by `words` on it, first and last day."""
    sums = of_group.group_by("group_id").agg(
        pl.col(lost).sum(),
        pl.col("after").min().dt.convert_time_zone(zone).dt.date(),
        pl.col("before").max().dt.convert_time_zone(zone).dt.date(),
    )
    is_missing = pl.col("holds") & pl.col(lost).is_not_null()
    prefixed = pl.format(words, lost, "after", "before", "reason")
    return (
        groups.join(sums, on="group_id", how="left", maintain_order="left")
        .with_columns(reason=pl.when(is_missing).then(prefixed).otherwise("reason"))
        .drop("after", "before")
    )
