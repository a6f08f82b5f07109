"""Interface of carriers: decode bytes to columns of events, or to a reason for quarantine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeVar

import msgspec
import polars as pl

from pipelines.carriers.texts import Texts
from schemas.lake import EVENTS, UTC_TIME

MAX_VALUE_BYTES: Final = 1024 * 1024

_STAGE_COLUMNS: Final = (
    "day", "month", "batch", "coverage", "membership", "topic", "topic_id", "partition", "offset", "kafka_time",
)  # fmt: skip
DECODED_SCHEMA: Final = pl.Schema(
    {"row": pl.UInt32(), **{name: dtype for name, dtype in EVENTS.columns.items() if name not in _STAGE_COLUMNS}}
)
"""Columns of decoded events: `row` is the position of the record in the input."""

JSON_ERRORS: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""Errors of msgspec for bytes that are not JSON, not of the expected type, or nested too deeply."""

Coverage = Literal["full", "mentions", "metadata", "aggregate"]
"""All messages; only those that name the bot; that messages were sent, without content; only sums."""

Membership = Literal["events", "snapshots", "joins_only", "none"]
"""How a source reports membership; see `MEMBERSHIPS`."""

MEMBERSHIPS: Final[dict[Membership, str]] = {
    "events": "joins and leaves",
    "snapshots": "joins and leaves within bounds, from lists of members",
    "joins_only": "joins, hardly any leaves",
    "none": "no joins or leaves",
}
"""What sources report about joins and leaves."""

LEAVES_ARE_MISSING: Final[frozenset[Membership]] = frozenset({"joins_only", "none"})
"""Sources whose joins less leaves are not growth, and whose members still count after they left."""

T = TypeVar("T")

REJECTED_SCHEMA: Final = pl.Schema({"row": pl.UInt32(), "reason": pl.String(), "detail": pl.String()})
IGNORED_SCHEMA: Final = pl.Schema({"row": pl.UInt32(), "reason": pl.String()})
"""Valid records without events: a short reason, of which a carrier has few."""

NUMBERED_SCHEMA: Final = pl.Schema(
    {
        "row": pl.UInt32(),
        "source": pl.String(),
        "group_id": pl.String(),
        "sequence": pl.String(),
        "number": pl.Int64(),
        "time": UTC_TIME,
    }
)
"""Sequence numbers of the platform for records, with or without events: within a group, or over all it sends.

`sequence` distinguishes several sequences of a source; `time` null: Kafka's timestamp."""

TOTALS_SCHEMA: Final = pl.Schema(
    {
        "row": pl.UInt32(),
        "source": pl.String(),
        "owner_id": pl.String(),
        "counted": pl.String(),
        "group_id": pl.String(),
        "begins_at": UTC_TIME,
        "total": pl.Int64(),
    }
)
"""Control totals: `messages` sent on a day in the groups of an owner, or the number of these `groups`.

`group_id`: the one group that is counted. `begins_at`: start of the day; with `group_id`, creation of the group."""

_DEFAULTS: Final[dict[str, pl.Expr]] = {"position": pl.lit(0), "time_quality": pl.lit("exact")}
"""Defaults of columns that a carrier does not set; all others are null."""


@dataclass(frozen=True)
class Decoded:
    """Decoded records: each has events, or is ignored with a reason, or is rejected.

    A record with good and bad events has the good ones in `events`, and the reason of its first bad one in `rejected`.

    Attributes:
        events: `DECODED_SCHEMA`, ids in clear; any number of rows per record, numbered by `position`.
        rejected: `REJECTED_SCHEMA`, at most one row per record.
        ignored: `IGNORED_SCHEMA`, one row per record that has neither.
        numbered: `NUMBERED_SCHEMA`, of records of all three.
        totals: `TOTALS_SCHEMA`, of records of all three; owners in clear.
    """

    events: pl.DataFrame
    rejected: pl.DataFrame
    ignored: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=IGNORED_SCHEMA))
    numbered: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=NUMBERED_SCHEMA))
    totals: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=TOTALS_SCHEMA))

    @property
    def parts(self) -> tuple[pl.DataFrame, ...]:
        """Return all frames in order."""
        return self.events, self.rejected, self.ignored, self.numbered, self.totals

    def placed(self, rows: pl.Series) -> Decoded:
        """Replace record numbers 0, 1, 2, … by these numbers."""
        return Decoded(*(part.with_columns(row=rows.gather(part["row"])) for part in self.parts))

    def joined(self, other: Decoded) -> Decoded:
        """Return the union of two disjoint sets of records, in the order of the records."""
        pairs = zip(self.parts, other.parts, strict=True)
        return Decoded(*(pl.concat(pair).sort("row", maintain_order=True) for pair in pairs))


class Carrier(ABC):
    """Decodes one format of payloads.

    Attributes:
        name: Its name in the settings and in `--carrier`.
        title: Its display name.
        coverage: How much of a group it sees.
        membership: How it reports membership.
        kinds: The kinds of event that it gives.
        limits: Sentences on what it cannot know.
    """

    name: str
    title: str
    coverage: Coverage
    membership: Membership
    kinds: tuple[str, ...]
    limits: tuple[str, ...] = ()

    @abstractmethod
    def decode(self, values: Sequence[bytes], headers: pl.Series | None = None) -> Decoded:
        """Decode record values, none of which is null.

        Args:
            values: Values of the records.
            headers: Headers of the records, of type `schemas.lake.HEADERS`; None if unknown.
        """

    def decode_column(self, values: pl.Series, headers: pl.Series | None = None) -> Decoded:
        """Decode a Binary column without nulls exactly like `decode`; carriers with a faster way override it."""
        return self.decode(values.to_list(), headers)

    def measured(self, values: Sequence[bytes], texts: Texts) -> list[bytes]:  # noqa: ARG002
        """Replace texts that people wrote by their measures; payloads without texts are unchanged.

        Args:
            values: Payloads.
            texts: How to measure texts, or that they are kept.
        """
        return list(values)


class ValueByValue(Carrier):
    """Wraps a carrier without its faster way to decode a column."""

    def __init__(self, carrier: Carrier) -> None:
        self.name, self.title, self.limits = carrier.name, carrier.title, carrier.limits
        self.coverage, self.membership, self.kinds = carrier.coverage, carrier.membership, carrier.kinds
        self._carrier = carrier

    def decode(self, values: Sequence[bytes], headers: pl.Series | None = None) -> Decoded:
        """Decode record values like the wrapped carrier."""
        return self._carrier.decode(values, headers)

    def measured(self, values: Sequence[bytes], texts: Texts) -> list[bytes]:
        """Replace texts by measures like the wrapped carrier."""
        return self._carrier.measured(values, texts)


def parse(values: Sequence[bytes], decode: Callable[[bytes], T]) -> tuple[list[int], list[T], pl.DataFrame]:
    """Parse each value strictly.

    Returns:
        The rows that parsed, their objects, and the other rows as `REJECTED_SCHEMA`, with the JSON path of a wrong
        field in the detail.
    """
    rows: list[int] = []
    objects: list[T] = []
    rejected: list[tuple[int, str, str]] = []
    for row, value in enumerate(values):
        if len(value) > MAX_VALUE_BYTES:
            rejected.append((row, "too_large", f"{len(value)} bytes, at most {MAX_VALUE_BYTES} are read"))
            continue
        try:
            parsed = decode(value)
        except msgspec.ValidationError as error:
            rejected.append((row, "invalid_field", str(error)))
        except msgspec.DecodeError as error:
            rejected.append((row, "bad_json" if value.strip() else "empty_value", str(error)))
        except UnicodeDecodeError as error:
            rejected.append((row, "bad_utf8", str(error)))
        except RecursionError:
            rejected.append((row, "too_deep", "nested too deeply to be an event"))
        else:
            rows.append(row)
            objects.append(parsed)
    return rows, objects, pl.DataFrame(rejected, schema=REJECTED_SCHEMA, orient="row")


def columns(rows: Sequence[int], fields: dict[str, Sequence[object] | pl.Expr]) -> pl.DataFrame:
    """Return a frame of `DECODED_SCHEMA` from lists or expressions over them.

    Missing fields are null, except `position` (0) and `time_quality` (exact).
    """
    lists = {name: values for name, values in fields.items() if not isinstance(values, pl.Expr)}
    computed = {name: values for name, values in fields.items() if isinstance(values, pl.Expr)}
    given = pl.DataFrame(
        {"row": rows, **lists},
        schema={"row": pl.UInt32(), **{name: DECODED_SCHEMA[name] for name in lists}},
    )
    missing = [
        _DEFAULTS.get(name, pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in DECODED_SCHEMA.items()
        if name not in fields
    ]
    return (
        given.with_columns(**{name: values.cast(DECODED_SCHEMA[name]) for name, values in computed.items()})
        .with_columns(*(column for column in missing if column.meta.output_name() != "row"))
        .select(DECODED_SCHEMA.names())
    )
