"""The common payload of readers of text files, for the carrier `chat_record`.

    {"_id": "…", "platform": "qq", "group": {"id": "Tea lovers", "name": "Tea lovers"}, "kind": "message",
     "time": 1767222000, "time_quality": "second", "sender": {"id": "10001", "name": "Ann"}, "subject": {"id", "name"},
     "role": "operator" or null, "message_id": null, "message_kind": "text", "reply_to": null, "recalled_id": null,
     "text": measures of it or null}

`kind` is message, joined, left, recalled or system. `subject` is who joined or left. Missing fields are null. `_id` is
the id of the event, made of `message_id` if the export has one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import polars as pl

from pipelines.carriers.readers.ahead import ahead
from pipelines.carriers.readers.base import Payloads, ReadOptions
from pipelines.carriers.readers.encoding import Progress
from pipelines.carriers.readers.notices import UNKNOWN_NAMES, Names, notice_of
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
        "message_id": pl.String,
        "message_kind": pl.String,
        "reply_to": pl.String,
        "recalled_id": pl.String,
        "text": pl.String,
    }
)
"""Seconds since 1970; the other columns are as in the payload."""

_FACTS: Final = ("platform", "group_id", "sender", "time", "kind", "subject", "message_kind", "text")
_FACTS_OF_ID: Final = ("platform", "group_id", "kind", "subject", "message_id", "recalled_id")
_SEPARATOR: Final = "\x1f"

Frames = Callable[[Counter[str], Counter[str], Progress], Iterator[pl.DataFrame]]
"""Reads the records (`SCHEMA`) of a source; counts repairs and skipped items, and updates the progress."""


def read_records(frames: Frames, options: ReadOptions, names: Names | None = None) -> Iterator[Payloads]:
    """Read records; without `names`, read twice, to learn the ids of names first."""
    if names is None:
        names = learned(Names(options.self_id), frames(Counter(), Counter(), Progress()))
    repairs: Counter[str] = Counter()
    skipped: Counter[str] = Counter()
    progress = Progress()
    records = ChatRecords(options)

    def counted() -> Iterator[tuple[pl.DataFrame, int, Counter[str], Counter[str]]]:
        for frame in frames(repairs, skipped, progress):
            yield frame, progress.done, _taken(repairs), _taken(skipped)

    for frame, done, repaired, left_out in ahead(counted()):
        read, n_unknown = with_notices(_completed(frame), names)
        left_out[UNKNOWN_NAMES] += n_unknown
        values, keys = records.payloads(read)
        yield Payloads(values, keys, done, repaired, +left_out)
    if repairs or skipped:
        nothing = pl.Series(dtype=pl.Binary)
        yield Payloads(nothing, nothing, progress.done, repairs, skipped)


def _taken(counts: Counter[str]) -> Counter[str]:
    """Return the counts that are not 0, and start again from 0."""
    taken = +counts
    counts.clear()
    return taken


class ChatRecords:
    """Converts records to payloads, and creates their ids."""

    def __init__(self, options: ReadOptions) -> None:
        """Take the options for texts and operators."""
        self._options = options
        self._occurrences = Occurrences(options.texts)

    def payloads(self, records: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
        """Return values and keys of the payloads of records (`SCHEMA`; missing columns are null), in their order."""
        records = _completed(records)
        named = records.with_columns(
            sender=pl.coalesce("sender_id", "sender_name"), subject=pl.coalesce("subject_id", "subject_name")
        )
        has_id = pl.coalesce("message_id", "recalled_id").is_not_null()
        facts = named.select(
            facts=pl.when(has_id).then(_joined(_FACTS_OF_ID)).otherwise(_joined(_FACTS)), has_id=has_id
        )
        hashed = self._options.texts.identities_of(facts["facts"]).alias("_id")
        are_made = (~facts["has_id"]).arg_true()
        made = self._occurrences.number(hashed.gather(are_made).to_list())
        identities = hashed.scatter(are_made, pl.Series(made, dtype=pl.String))
        operators = list(self._options.operators)
        is_operator = pl.col("sender_id").is_in(operators) | pl.col("sender_name").is_in(operators)
        values = records.with_columns(identities, self._options.texts.column(records["text"]).alias("text")).select(
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
                "message_id",
                "message_kind",
                "reply_to",
                "recalled_id",
                "text",
            ).struct.json_encode()
        )
        keys = records.select(pl.concat_str("platform", pl.lit(":"), "group_id", pl.lit("/"), identities))
        return values.to_series().cast(pl.Binary), keys.to_series().cast(pl.Binary)


def _completed(records: pl.DataFrame) -> pl.DataFrame:
    """Add missing columns of `SCHEMA` as nulls."""
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in SCHEMA.items() if name not in records.columns]
    return records.with_columns(missing).select(SCHEMA.names())


def _joined(names: Iterable[str]) -> pl.Expr:
    return pl.concat_str([pl.col(name).cast(pl.String).fill_null("") for name in names], separator=_SEPARATOR)


def _person(column: str) -> pl.Expr:
    native, name = pl.col(f"{column}_id"), pl.col(f"{column}_name")
    return pl.when(native.is_not_null() | name.is_not_null()).then(pl.struct(id=native, name=name)).alias(column)


def with_notices(records: pl.DataFrame, names: Names) -> tuple[pl.DataFrame, int]:
    """Interpret system notices: one row for each person with an id who joined or left; others stay system messages.

    Args:
        records: rows of `SCHEMA`; notices are those of kind `system`.
        names: names with their ids.

    Returns:
        The records in their order, and the number of names without an id.
    """
    notices = records.with_row_index("row").filter(kind="system")
    rows: list[tuple[int, str, str | None, str | None]] = []
    n_unknown = 0
    for row, text in notices.select("row", "text").iter_rows():
        notice = notice_of(text or "")
        if notice is None:
            continue
        if notice.kind == "recalled":
            continue  # the recalled message is unknown
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


def learned(names: Names, heads: Iterable[pl.DataFrame]) -> Names:
    """Learn all names that records show beside an id (`sender_name`, `sender_id`)."""
    for frame in map(_completed, heads):
        pairs = frame.select("sender_name", "sender_id").drop_nulls().unique(maintain_order=True)
        for name, native in pairs.iter_rows():
            names.learn(name, native)
    return names
