"""What every adapter does: bytes in, typed objects or a reason for quarantine out, objects as columns."""

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
"""What an adapter returns: `row` is the position of the record in its input."""

JSON_ERRORS: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes that are no JSON, are not of the type asked for, or are nested too deeply."""

Coverage = Literal["full", "mentions", "metadata", "aggregate"]
"""All messages; only those that name the bot; that messages were sent, not what they are; sums only."""

Membership = Literal["events", "snapshots", "joins_only", "none"]
"""How a source knows who is in a group; see `MEMBERSHIPS`."""

MEMBERSHIPS: Final[dict[Membership, str]] = {
    "events": "joins and leaves",
    "snapshots": "joins and leaves within bounds, from lists of members",
    "joins_only": "joins, hardly any leaves",
    "none": "no joins or leaves",
}
"""What is known of who comes and goes."""

LEAVES_ARE_MISSING: Final[frozenset[Membership]] = frozenset({"joins_only", "none"})
"""Where joins less leaves are no growth, and who left still counts as a member."""

T = TypeVar("T")

REJECTED_SCHEMA: Final = pl.Schema({"row": pl.UInt32(), "reason": pl.String(), "detail": pl.String()})
IGNORED_SCHEMA: Final = pl.Schema({"row": pl.UInt32(), "reason": pl.String()})
"""Records that are right and say nothing an event is made of: a word or two why, few distinct ones a carrier."""

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
"""Numbers that the platform gave what it sent, one by one, be it an event or not: in a group, or in all that it sends.

`sequence` tells several of one source from each other; `time` null: Kafka's."""

_DEFAULTS: Final[dict[str, pl.Expr]] = {"position": pl.lit(0), "time_quality": pl.lit("exact")}
"""What a column holds that an adapter does not give; all others are null."""


@dataclass(frozen=True)
class Decoded:
    """What an adapter makes of records: each has events, or is ignored with a reason, or is rejected.

    A record with a good and a bad event has the good ones in `events`, and the reason of its first bad one in
    `rejected`.

    Attributes:
        events: `DECODED_SCHEMA`, ids in clear; any number of rows a record, told apart by `position`.
        rejected: `REJECTED_SCHEMA`, one row a record at most.
        ignored: `IGNORED_SCHEMA`, one row a record that has neither.
        numbered: `NUMBERED_SCHEMA`, of records of all three.
    """

    events: pl.DataFrame
    rejected: pl.DataFrame
    ignored: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=IGNORED_SCHEMA))
    numbered: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=NUMBERED_SCHEMA))

    @property
    def parts(self) -> tuple[pl.DataFrame, ...]:
        """All frames, in their order."""
        return self.events, self.rejected, self.ignored, self.numbered

    def placed(self, rows: pl.Series) -> Decoded:
        """The same of records that have these numbers elsewhere, in place of 0, 1, 2 and so on."""
        return Decoded(*(part.with_columns(row=rows.gather(part["row"])) for part in self.parts))

    def joined(self, other: Decoded) -> Decoded:
        """Both, in the order of the records, of which they share none."""
        pairs = zip(self.parts, other.parts, strict=True)
        return Decoded(*(pl.concat(pair).sort("row", maintain_order=True) for pair in pairs))


class Carrier(ABC):
    """One shape of payload; an adapter names it and decodes it, value by value.

    Attributes:
        name: What the settings and `--carrier` call it.
        title: What people call it.
        coverage: How much of a group's life it sees.
        membership: How it knows who is in a group.
        kinds: The kinds of event that it gives.
        limits: Sentences: what it cannot know.
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
            values: of the records.
            headers: of the records, of type `schemas.lake.HEADERS`; None where they are not known.
        """

    def decode_column(self, values: pl.Series, headers: pl.Series | None = None) -> Decoded:
        """Decode a Binary column without nulls, exactly as `decode` does; an adapter with a faster way overrides it."""
        return self.decode(values.to_list(), headers)

    def measured(self, values: Sequence[bytes], texts: Texts) -> list[bytes]:  # noqa: ARG002
        """Put measures in the place of the texts that people wrote; without any, payloads stay as they are.

        Args:
            values: payloads.
            texts: how texts are measured, or that they stay.
        """
        return list(values)


class ValueByValue(Carrier):
    """Another adapter, without its faster way to decode a column."""

    def __init__(self, carrier: Carrier) -> None:
        self.name, self.title, self.limits = carrier.name, carrier.title, carrier.limits
        self.coverage, self.membership, self.kinds = carrier.coverage, carrier.membership, carrier.kinds
        self._carrier = carrier

    def decode(self, values: Sequence[bytes], headers: pl.Series | None = None) -> Decoded:
        """Decode record values as the other adapter does."""
        return self._carrier.decode(values, headers)

    def measured(self, values: Sequence[bytes], texts: Texts) -> list[bytes]:
        """Put measures in the place of texts as the other adapter does."""
        return self._carrier.measured(values, texts)


def parse(values: Sequence[bytes], decode: Callable[[bytes], T]) -> tuple[list[int], list[T], pl.DataFrame]:
    """Parse each value strictly.

    Returns:
        The rows that parsed, their objects, and the other rows as `REJECTED_SCHEMA`. The detail of a wrong field
        names it by its JSON path.
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
    """A frame of `DECODED_SCHEMA` from lists or expressions over them.

    Fields not given are null, but for `position`, which is 0, and `time_quality`, which is exact.
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
