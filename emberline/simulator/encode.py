"""Event rows as CloudEvents in structured JSON."""

from __future__ import annotations

import polars as pl

from emberline.simulator.rows import COMMERCE_TOPIC, COSTS, GROUP_TOPIC, PAYLOAD, SHOP, WITH_SUBJECT

_RFC3339 = "%Y-%m-%dT%H:%M:%S%.6fZ"


def numbered(events: pl.DataFrame) -> pl.DataFrame:
    """Events with `row`, `source` and `id`. Ids count per source: only source and id together name an event."""
    number = pl.int_range(pl.len()).over("carrier").cast(pl.String).str.zfill(7)
    return events.with_row_index("row").with_columns(
        source=pl.lit("simulator/") + pl.col("carrier"), id=pl.lit("simulated-") + number
    )


def encoded(events: pl.DataFrame) -> pl.DataFrame:
    """Rows with `row`, `type`, `topic`, `key` and the JSON `value`, sorted by `row`. Input as `numbered` gives it."""
    frames = [_of_kind(kind[0], frame) for kind, frame in events.partition_by("type", as_dict=True).items()]
    return pl.concat(frames).sort("row")


def _of_kind(kind: object, events: pl.DataFrame) -> pl.DataFrame:
    fields = PAYLOAD[str(kind)]
    data = [_utc(name).alias(name) if name == "planned_end" else pl.col(name) for name in fields]
    subject = [pl.col("group_id").alias("subject")] if kind in WITH_SUBJECT else []
    envelope = pl.struct(
        pl.lit("1.0").alias("specversion"),
        "id",
        "source",
        "type",
        _utc("time").alias("time"),
        *subject,
        *([pl.struct(data).alias("data")] if fields else []),
    )
    return events.select(
        "row",
        "type",
        topic=pl.when(pl.col("carrier").is_in([SHOP, COSTS]))
        .then(pl.lit(COMMERCE_TOPIC))
        .otherwise(pl.lit(GROUP_TOPIC)),
        key=pl.col("id").cast(pl.Binary),
        value=envelope.struct.json_encode(),
    )


def _utc(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.Datetime("us")).dt.strftime(_RFC3339)
