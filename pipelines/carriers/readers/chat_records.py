"""The one payload that readers of text files write, for the carrier `chat_record`.

    {"_id": "…", "platform": "qq", "group": {"id": "Tea lovers", "name": "Tea lovers"}, "kind": "message",
     "time": 1767222000, "time_quality": "second", "sender": {"id": "10001", "name": "Ann"}, "subject": {"id", "name"},
     "role": "operator" or null, "message_kind": "text", "text": measures of it or null}

`kind` is message, joined, left, recalled or system. `subject` is who joined or left. What is not there is null.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import polars as pl

from pipelines.carriers.readers.base import ReadOptions
from pipelines.carriers.readers.notices import Names, notice_of
from pipelines.carriers.readers.occurrences import Occurrences

SCHEMA: Final = pl.Schema(
    {
        "platform": pl.String,
        "group_id": pl.String,
        "group_name": pl.String,
        "kind": pl.String,
        "time": pl.Int64,
        "time_quality": pl.String,
        "sender_id": pl.String,
        "sender_name": pl.String,
        "subject_id": pl.String,
        "subject_name": pl.String,
        "message_kind": pl.String,
        "reply_to": pl.String,
        "text": pl.String,
    }
)
"""Seconds since 1970; the other columns are as in the payload."""

_FACTS: Final = ("platform", "group_id", "sender", "time", "kind", "subject", "message_kind", "text")


class ChatRecords:
    """Makes payloads of records, whose identities it makes too."""

    def __init__(self, options: ReadOptions) -> None:
        """Measure texts and know operators as the options say."""
        self._options = options
        self._occurrences = Occurrences(options.texts)

    def payloads(self, records: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
        """Make the payloads of records (`SCHEMA`, missing columns are null) in their order; values and keys."""
        missing = [pl.lit(None, dtype).alias(name) for name, dtype in SCHEMA.items() if name not in records.columns]
        records = records.with_columns(missing).select(SCHEMA.names())
        named = records.with_columns(
            sender=pl.coalesce("sender_id", "sender_name"), subject=pl.coalesce("subject_id", "subject_name")
        )
        facts = named.select(
            pl.concat_str([pl.col(name).cast(pl.String).fill_null("") for name in _FACTS], separator="\x1f")
        )
        identities = self._occurrences.number(self._options.texts.identities(facts.to_series().to_list()))
        operators = list(self._options.operators)
        is_operator = pl.col("sender_id").is_in(operators) | pl.col("sender_name").is_in(operators)
        values = records.with_columns(
            pl.Series("_id", identities, pl.String), self._options.texts.column(records["text"]).alias("text")
        ).select(
            pl.struct(
                "_id",
                "platform",
                pl.struct(id="group_id", name="group_name").alias("group"),
                "kind",
                "time",
                "time_quality",
                _person("sender"),
                _person("subject"),
                pl.when(is_operator.fill_null(value=False)).then(pl.lit("operator")).alias("role"),
                "message_kind",
                "reply_to",
                "text",
            ).struct.json_encode()
        )
        keys = records.select(pl.concat_str("platform", pl.lit(":"), "group_id", pl.lit("/"), pl.Series(identities)))
        return values.to_series().cast(pl.Binary), keys.to_series().cast(pl.Binary)


def _person(column: str) -> pl.Expr:
    native, name = pl.col(f"{column}_id"), pl.col(f"{column}_name")
    return pl.when(native.is_not_null() | name.is_not_null()).then(pl.struct(id=native, name=name)).alias(column)


def with_notices(records: pl.DataFrame, names: Names) -> tuple[pl.DataFrame, int]:
    """Read what system notices say: a row each who joined or left and has an id; the others stay system messages.

    Args:
        records: rows of `SCHEMA`; notices are those of kind `system`.
        names: whose ids are known.

    Returns:
        The records in their order, and how many names have no id.
    """
    notices = records.with_row_index("row").filter(kind="system")
    rows: list[tuple[int, str, str | None, str | None]] = []
    n_unknown = 0
    for row, text in notices.select("row", "text").iter_rows():
        notice = notice_of(text or "")
        if notice is None:
            continue
        if notice.kind == "recalled":
            continue  # of which message is not said
        known = [(name, names.id_of(name)) for name in notice.names]
        n_unknown += sum(native is None for _, native in known)
        rows += [(row, notice.kind, native, name) for name, native in known if native is not None]
    if not rows:
        return records, n_unknown
    found = pl.DataFrame(
        rows,
        {"row": pl.get_index_type(), "found": pl.String, "subject_id": pl.String, "subject_name": pl.String},
        orient="row",
    )
    read = (
        records.drop("subject_id", "subject_name", strict=False)
        .with_row_index("row")
        .join(found, on="row", how="left", maintain_order="left_right")
        .with_columns(kind=pl.coalesce("found", "kind"))
        .drop("row", "found")
    )
    return read, n_unknown


def learned(names: Names, heads: Iterator[pl.DataFrame]) -> Names:
    """Take note of all names that records show beside an id (`sender_name`, `sender_id`)."""
    for frame in heads:
        pairs = frame.select("sender_name", "sender_id").drop_nulls().unique(maintain_order=True)
        for name, native in pairs.iter_rows():
            names.learn(name, native)
    return names
