"""A compiled mapping: from fields of payloads to events, rejected and ignored payloads.

Everything is vectorised over a batch; it does not matter whether fields were read row by row or by compiled code.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import numpy as np
import polars as pl

from pipelines.carriers.base import DECODED_SCHEMA, IGNORED_SCHEMA, NUMBERED_SCHEMA, REJECTED_SCHEMA, Decoded
from pipelines.carriers.levels import INTEGER, MISSING, STRING, Levels
from pipelines.carriers.mapping.cases import MADE, Collected, Emitted, compiled_case
from pipelines.carriers.mapping.chosen import holds
from pipelines.carriers.mapping.expressions import value
from pipelines.carriers.mapping.measures import MEASURES
from pipelines.carriers.mapping.model import CarrierMapping
from pipelines.carriers.mapping.numbering import numbering
from pipelines.carriers.mapping.paths import TOP, Path, above
from pipelines.carriers.mapping.rows import fields_of
from pipelines.carriers.mapping.scope import ALL, COUNT, INDEX, KIND, PARTS, SEPARATOR, Scope

UNKNOWN: Final = "unknown"
"""Reason for payloads that no case matches."""

NOTHING: Final = "nothing to tell"
"""Reason for payloads whose case gave no event, such as an empty list."""

_LONGEST_REASON: Final = 80
_ROW: Final = "row"
_CASE: Final = "#case"
_EVENTS: Final = "#events"

MOST_EVENTS: Final = 2**16
"""Most events of a payload: each has a `position`, and a few bytes must not become millions of rows."""

_NOBODY: Final = {
    "": pl.lit(None, pl.String),
    PARTS: pl.lit(None, pl.String),
    KIND: pl.lit(MISSING, pl.UInt8),
    COUNT: pl.lit(0, pl.Int64),
    ALL: pl.lit(None, pl.List(pl.String)),
}
"""Defaults for a list that no payload has, by suffix of the column."""


class CompiledMapping:
    """Decodes fields of payloads by a mapping.

    Attributes:
        fields: Level -> its required columns, see `rows.fields_of`.
    """

    def __init__(self, mapping: CarrierMapping) -> None:
        """Compile a mapping.

        Raises:
            PathError: A path in it is not valid.
        """
        self._mapping = mapping
        self._scope = scope = Scope(patterns=mapping.patterns, fields=mapping.fields)
        self._called = value(mapping.called, scope).value if mapping.called else None
        self._cases = tuple(compiled_case(mapping, case, scope) for case in mapping.cases)
        self._numbering = None if mapping.sequence is None else numbering(mapping, mapping.sequence, scope)
        self._paths = tuple(scope.paths.values())
        read = {name for case in self._cases for each, names in case.reads.items() for name in names - self._own(each)}
        called = [] if self._called is None else self._called.meta.root_names()
        numbered = frozenset[str]() if self._numbering is None else self._numbering.reads
        self._asked = read.union(scope.made_of(), called, numbered)
        self._reads = tuple(scope.shared().union({_ROW, _CASE}, *case.reads.values()) for case in self._cases)
        self.fields = fields_of(self._paths)

    def _own(self, each: Sequence[str]) -> frozenset[str]:
        """Return the columns that elements of lists have themselves, so that their payloads' are not added."""
        levels = set(each)
        for level in each:
            while (level := above(level)) != TOP:
                levels.add(level)
        own = (path for path in self._paths if path.level in levels and path.where is None)
        return frozenset(f"{path.text}{suffix}" for path in own for suffix in ("", PARTS, KIND))

    def decode(self, levels: Levels) -> Decoded:
        """Decode payloads to events; `row` is the payload's row in the top level."""
        top = self._top(levels)
        cases = [pl.when(case.holds).then(pl.lit(number, pl.Int32)) for number, case in enumerate(self._cases)]
        top = top.with_columns(pl.coalesce(*cases, pl.lit(-1, pl.Int32)).alias(_CASE))
        found = set(top[_CASE].unique())
        events, rejected = [], []
        for number in sorted(found - {-1}):
            of_case = top.select(self._reads[number].intersection(top.columns)).filter(pl.col(_CASE) == number)
            if any(emitted.each for emitted in self._cases[number].emit):
                of_case = of_case.with_columns(self._cases[number].most_events.alias(_EVENTS))
                rejected.append(_crowded(of_case))
                of_case = of_case.filter(pl.col(_EVENTS) <= MOST_EVENTS)
            for order, emitted in enumerate(self._cases[number].emit):
                rows = self._within(emitted.each, of_case, levels)
                for name, collected in emitted.collected.items():
                    each = emitted.each if collected.each is None else (collected.each,)
                    elements = self._within(each, of_case, levels)
                    # A list in the elements that events are of is each element's own.
                    key = _number(emitted.each[0]) if len(emitted.each) == 1 else _ROW
                    key = key if key in elements.columns else _ROW
                    rows = rows.join(_lists(name, collected, elements, key), on=key, how="left", maintain_order="left")
                good, bad = _emit(emitted, rows, order)
                events.append(good)
                rejected.append(bad)
        decoded = _placed(events)
        refused = pl.concat([pl.DataFrame(schema=REJECTED_SCHEMA), *rejected]).unique(
            _ROW, keep="first", maintain_order=True
        )
        numbered = pl.DataFrame(schema=NUMBERED_SCHEMA) if self._numbering is None else self._numbering.of(top)
        return Decoded(decoded, refused.sort(_ROW), self._ignored(top, decoded, refused), numbered)

    def _ignored(self, top: pl.DataFrame, events: pl.DataFrame, rejected: pl.DataFrame) -> pl.DataFrame:
        if events.height == top.height and events[_ROW].n_unique() == top.height:
            return pl.DataFrame(schema=IGNORED_SCHEMA)
        told = pl.concat([events[_ROW], rejected[_ROW]]).unique()
        said = {number: case.ignore for number, case in enumerate(self._cases)}
        known = pl.col(_CASE).replace_strict(said, default=None, return_dtype=pl.String())
        called = (
            pl.lit(UNKNOWN)
            if self._called is None
            else pl.format(f"{UNKNOWN} {{}}", self._called.str.head(_LONGEST_REASON))
        )
        of_no_case = pl.coalesce(called, pl.lit(UNKNOWN))
        reason = pl.when(pl.col(_CASE) < 0).then(of_no_case).otherwise(known.fill_null(NOTHING))
        return top.filter(~pl.col(_ROW).is_in(told.implode())).select(_ROW, reason=reason)

    def _top(self, levels: Levels) -> pl.DataFrame:
        """Return the payloads' own fields by path, with `row`, and aggregates of paths into lists."""
        top = levels[TOP].fields
        frame = (
            top.select(
                *(
                    expression
                    for path in self._paths
                    if path.level == TOP
                    for expression in (
                        pl.col(path.field).alias(path.text),
                        pl.col(f"{path.field}{KIND}").alias(f"{path.text}{KIND}"),
                    )
                )
            )
            if any(path.level == TOP for path in self._paths)
            else pl.DataFrame(height=len(levels[TOP].parent))
        )
        frame = frame.with_row_index(_ROW)
        for name in {path.level: None for path in self._paths if path.level != TOP}:
            paths = [path for path in self._paths if path.level == name]
            frame = _with_list(frame, paths, levels, self._asked)
        return self._scope.with_fields(frame)

    def _within(self, each: Sequence[str], payloads: pl.DataFrame, levels: Levels) -> pl.DataFrame:
        """Return the payloads, or the elements of their lists `each`, with the payload's fields beside their own.

        For two lists: each pair of elements.
        """
        if not each:
            return payloads.with_columns(pl.lit(0, pl.UInt32).alias(INDEX))
        first, *others = each
        rows = self._elements(first, payloads, levels)
        for other in others:
            rows = self._elements(other, rows.drop(INDEX), levels)
            rows = rows.with_columns(pl.int_range(pl.len(), dtype=pl.UInt32).over(_ROW).alias(INDEX))
        return rows

    def _elements(self, each: str, rows: pl.DataFrame, levels: Levels) -> pl.DataFrame:
        """Return the elements of a list, with the fields of their payloads and outer elements beside their own."""
        level = levels[each]
        own = [path for path in self._paths if path.level == each and path.where is None]
        elements = (
            level.fields.select(
                *(
                    expression
                    for path in own
                    for expression in (
                        pl.col(path.field).alias(path.text),
                        pl.col(path.field).alias(f"{path.text}{PARTS}"),
                        pl.col(f"{path.field}{KIND}").alias(f"{path.text}{KIND}"),
                    )
                )
            )
            if own
            else pl.DataFrame(height=len(level.parent))
        )
        number = _number(above(each))
        elements = elements.with_columns(
            level.parent.alias(number),
            level.index.alias(INDEX),
            pl.int_range(pl.len(), dtype=pl.UInt32).alias(_number(each)),
        )
        outer = rows if number in rows.columns else self._elements(above(each), rows, levels)
        inherited = outer.drop(column for column in elements.columns if column != number and column in outer.columns)
        together = elements.join(inherited, on=number, how="inner", maintain_order="left")
        return self._scope.with_fields(together, each)


def _crowded(payloads: pl.DataFrame) -> pl.DataFrame:
    """Reject payloads with too many events, as `REJECTED_SCHEMA`."""
    return payloads.filter(pl.col(_EVENTS) > MOST_EVENTS).select(
        _ROW,
        reason=pl.lit("too_many"),
        detail=pl.format(f"{{}} events, at most {MOST_EVENTS} are read", _EVENTS),
    )


def _number(level: str) -> str:
    """Return the name of the column with the row numbers of a level."""
    return _ROW if level == TOP else f"#{level}"


def _payload_of(name: str, levels: Levels) -> pl.Series:
    """Return the payload of each row of a level, also through the elements of outer lists."""
    payload = levels[name].parent
    while (name := above(name)) != TOP:
        payload = levels[name].parent.gather(payload)
    return payload


def _with_list(payloads: pl.DataFrame, paths: Sequence[Path], levels: Levels, asked: Collection[str]) -> pl.DataFrame:
    """Return payloads with aggregates of paths into one list, by path and suffix of the column."""
    level = levels[paths[0].level]
    rows = level.fields.with_columns(_payload_of(paths[0].level, levels).alias(_ROW))
    columns: list[pl.Series | pl.Expr] = []
    for where in {path.where: None for path in paths}:
        meant = rows if where is None else rows.filter(holds(where))
        wanted = [
            (path, suffix)
            for path in paths
            if path.where == where
            for suffix in _NOBODY
            if f"{path.text}{suffix}" in asked
        ]
        columns += _of_payloads(meant, wanted, payloads.height)
    return payloads.with_columns(columns)


def _of_payloads(elements: pl.DataFrame, wanted: Sequence[tuple[Path, str]], n: int) -> Sequence[pl.Series | pl.Expr]:
    """Return aggregates of elements for each payload: a column per path and suffix."""
    named = [f"{path.text}{suffix}" for path, suffix in wanted]
    nobody = [_NOBODY[suffix].alias(name) for name, (_, suffix) in zip(named, wanted, strict=True)]
    if elements.is_empty() or not wanted:
        return nobody
    # Most lists have one element, which needs no aggregation.
    is_alone = elements[_ROW].is_unique()
    alone, others = elements.filter(is_alone), elements.filter(~is_alone)
    of_alone = [_of_one(path)[suffix].alias(name) for name, (path, suffix) in zip(named, wanted, strict=True)]
    found = [alone.select(_ROW, *of_alone)]
    if not others.is_empty():
        of_others = [_of_list(path)[suffix].alias(name) for name, (path, suffix) in zip(named, wanted, strict=True)]
        found.append(others.group_by(_ROW, maintain_order=True).agg(of_others))
    found.append(pl.select(pl.lit(0, elements.schema[_ROW]).alias(_ROW), *nobody))
    together = pl.concat(found)
    place = np.full(n, together.height - 1, np.uint32)
    place[together[_ROW].to_numpy()[:-1]] = np.arange(together.height - 1, dtype=np.uint32)
    return together.drop(_ROW)[place].get_columns()


def _of_one(path: Path) -> dict[str, pl.Expr]:
    """Return the aggregates of a list with one element, by suffix: the same as `_of_list`."""
    text, kind = pl.col(path.field), pl.col(f"{path.field}{KIND}")
    number = pl.when(kind.is_in([INTEGER, STRING])).then(text.cast(pl.Int64, strict=False).fill_null(0))
    return {
        "": number.cast(pl.String()) if _is_measure(path) else text,
        PARTS: pl.when(kind == STRING).then(text).otherwise(pl.lit("")),
        KIND: kind,
        COUNT: pl.lit(1, pl.Int64),
        ALL: pl.when(text.is_null()).then(pl.lit([], pl.List(pl.String()))).otherwise(pl.concat_list(text)),
    }


def _of_list(path: Path) -> dict[str, pl.Expr]:
    """Return the aggregates of the elements of a payload, by suffix.

    These are the concatenated texts with a separator, the kind, the count, and all values. Concatenated numbers would
    be another number, so for scalars that are not texts it is the first.
    """
    text, kind = pl.col(path.field), pl.col(f"{path.field}{KIND}")
    is_text = (kind == STRING).any()
    texts = text.filter(kind == STRING)
    if _is_measure(path):
        said = text.cast(pl.Int64, strict=False).sum().cast(pl.String())
        said = pl.when(kind.is_in([INTEGER, STRING]).any()).then(said)
    else:
        said = pl.when(is_text).then(texts.str.join("")).otherwise(text.drop_nulls().first())
    return {
        "": said,
        PARTS: texts.str.join(SEPARATOR),
        KIND: pl.when(is_text).then(pl.lit(STRING, pl.UInt8)).otherwise(kind.max()),
        COUNT: kind.len().cast(pl.Int64),
        ALL: text.drop_nulls(),
    }


def _is_measure(path: Path) -> bool:
    return path.field.rpartition(".")[2] in MEASURES


def _lists(name: str, collected: Collected, elements: pl.DataFrame, key: str) -> pl.DataFrame:
    """Return a list for each payload or element, and its first fault: the key, the name, `name:fault`."""
    at_fault = pl.coalesce(
        *(pl.when(broken).then(detail) for broken, detail in collected.faults), pl.lit(None, pl.String())
    )
    made = elements.filter(collected.holds).select(
        key,
        pl.struct(expression.alias(field) for field, expression in collected.fields.items()).alias(name),
        at_fault.alias(f"{name}:fault"),
    )
    return made.group_by(key, maintain_order=True).agg(name, pl.col(f"{name}:fault").drop_nulls().first())


def _emit(emitted: Emitted, rows: pl.DataFrame, order: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the events of rows and, as `REJECTED_SCHEMA`, the invalid rows."""
    # Columns are computed once, since several faults use them; details of faults only for few rows.
    made = rows.filter(emitted.holds)
    for step in emitted.first:
        made = made.with_columns(**step)
    made = made.with_columns(
        expression.cast(DECODED_SCHEMA[name], strict=False).alias(f"{MADE}{name}")
        for name, expression in emitted.columns.items()
    )
    is_bad = made.select(
        pl.any_horizontal(broken.fill_null(value=False) for broken, _, _ in emitted.faults)
    ).to_series()
    events = made.filter(~is_bad).select(
        _ROW,
        pl.lit(order, pl.UInt16).alias("#order"),
        INDEX,
        *(pl.col(f"{MADE}{name}").alias(name) for name in emitted.columns),
    )
    if not is_bad.any():
        return events, pl.DataFrame(schema=REJECTED_SCHEMA)
    said = [pl.when(broken).then(pl.struct(reason=reason, detail=detail)) for broken, reason, detail in emitted.faults]
    return events, made.filter(is_bad).select(pl.col(_ROW), pl.coalesce(said).struct.unnest())


def _placed(events: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return events in the order of their payloads as `DECODED_SCHEMA`, each with its position in its payload."""
    filled = [frame for frame in events if not frame.is_empty()]
    if not filled:
        return pl.DataFrame(schema=DECODED_SCHEMA)
    together = pl.concat(filled, how="diagonal").sort(_ROW, "#order", maintain_order=True)
    is_single = together[_ROW].n_unique() == together.height
    position = pl.lit(0) if is_single else pl.int_range(pl.len()).over(_ROW)
    missing = [
        pl.lit(None, DECODED_SCHEMA[name]).alias(name) for name in DECODED_SCHEMA if name not in together.columns
    ]
    return (
        together.with_columns(*missing)
        .with_columns(position=position)
        .select(DECODED_SCHEMA.names())
        .cast(DECODED_SCHEMA)
    )
