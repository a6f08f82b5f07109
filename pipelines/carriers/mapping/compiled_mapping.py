"""A compiled mapping: from fields of payloads to events, rejected and ignored payloads.

Everything is vectorised over a batch; it does not matter whether fields were read row by row or by compiled code.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Final

import polars as pl

from pipelines.carriers.base import (
    DECODED_SCHEMA,
    IGNORED_SCHEMA,
    NUMBERED_SCHEMA,
    REJECTED_SCHEMA,
    TOTALS_SCHEMA,
    Decoded,
)
from pipelines.carriers.levels import Levels
from pipelines.carriers.mapping.aggregates import ROW, payload_of, with_list
from pipelines.carriers.mapping.cases import MADE, Collected, CompiledCase, Emitted, compiled_case
from pipelines.carriers.mapping.expressions import value
from pipelines.carriers.mapping.model import CarrierMapping
from pipelines.carriers.mapping.numbering import numbering, totalling
from pipelines.carriers.mapping.paths import TOP, above
from pipelines.carriers.mapping.rows import fields_of
from pipelines.carriers.mapping.scope import INDEX, KIND, PARTS, Scope

UNKNOWN: Final = "unknown"
"""Reason for payloads that no case matches."""

NOTHING: Final = "nothing to tell"
"""Reason for payloads whose case gave no event, such as an empty list."""

_LONGEST_REASON: Final = 80
_CASE: Final = "#case"
_EVENTS: Final = "#events"

MOST_EVENTS: Final = 2**16
"""Most events of a payload: each has a `position`, and a few bytes must not become millions of rows."""


@dataclass
class _Lists:
    """The payloads of a case and their lists.

    Attributes:
        asked: The columns that the case reads.
        read: Elements by level, with the fields of their payloads.
    """

    payloads: pl.DataFrame
    levels: Levels
    asked: frozenset[str]
    read: dict[str, pl.DataFrame] = field(default_factory=dict)


class CompiledMapping:
    """Decodes fields of payloads by a mapping.

    Attributes:
        fields: Level -> its required columns, see `rows.fields_of`.
    """

    def __init__(self, mapping: CarrierMapping) -> None:
        """Compile a mapping.

        Raises:
            PathError: A path in it is not valid.
            UnmarkedId: An id that others refer to is made of the account and has no mark.
        """
        self._mapping = mapping
        self._scope = scope = Scope(patterns=mapping.patterns, fields=mapping.fields)
        self._called = value(mapping.called, scope).value if mapping.called else None
        self._cases = tuple(compiled_case(mapping, case, scope) for case in mapping.cases)
        self._numbering = None if mapping.sequence is None else numbering(mapping, mapping.sequence, scope)
        self._totals = tuple(totalling(mapping, total, scope) for total in mapping.totals)
        self._paths = tuple(scope.paths.values())
        self._reads = tuple(self._of_payloads(case) for case in self._cases)
        called = [] if self._called is None else self._called.meta.root_names()
        beside = [*self._totals] if self._numbering is None else [self._numbering, *self._totals]
        stated = frozenset[str]().union(*(one.reads for one in beside))
        read = frozenset[str]().union(called, stated, *self._reads)
        self._asked = read | scope.made_of(read)
        own = {f"{path.text}{suffix}" for path in self._paths if path.level == TOP for suffix in ("", KIND)}
        self._first = tuple(itertools.takewhile(lambda case: own.issuperset(case.holds.meta.root_names()), self._cases))
        read_first = frozenset[str]().union(called, stated, *self._reads[: len(self._first)])
        self._asked_first = read_first | scope.made_of(read_first)
        self.fields = fields_of(self._paths)

    def _of_payloads(self, case: CompiledCase) -> frozenset[str]:
        """Return the columns of payloads that a case reads, without those that elements of its lists have or make."""
        found: set[str] = set()
        for each, names in case.reads.items():
            levels = set(each)
            for level in each:
                while (level := above(level)) != TOP:
                    levels.add(level)
            own = (path for path in self._paths if path.level in levels and path.where is None)
            made = self._scope.made_at(levels)
            asked = names | self._scope.made_of(names & made)
            found |= asked - made.union(f"{path.text}{suffix}" for path in own for suffix in ("", PARTS, KIND))
        return frozenset(found)

    def decode(self, levels: Levels) -> Decoded:
        """Decode payloads to events; `row` is the payload's row in the top level."""
        top = self._top(levels)
        cases = [pl.when(case.holds).then(pl.lit(number, pl.Int32)) for number, case in enumerate(self._cases)]
        top = top.with_columns(pl.coalesce(*cases, pl.lit(-1, pl.Int32)).alias(_CASE))
        found = set(top[_CASE].unique())
        events, rejected = [], []
        for number in sorted(found - {-1}):
            of_case = top.select({ROW, _CASE} | self._reads[number].intersection(top.columns))
            of_case = of_case.filter(pl.col(_CASE) == number)
            if any(emitted.each for emitted in self._cases[number].emit):
                of_case = of_case.with_columns(self._cases[number].most_events.alias(_EVENTS))
                if (is_crowded := of_case[_EVENTS] > MOST_EVENTS).any():
                    rejected.append(_crowded(of_case.filter(is_crowded)))
                    of_case = of_case.filter(~is_crowded)
            lists = _Lists(of_case, levels, frozenset().union(*self._cases[number].reads.values()))
            for order, emitted in enumerate(self._cases[number].emit):
                rows = self._within(emitted.each, lists)
                for name, collected in emitted.collected.items():
                    each = emitted.each if collected.each is None else (collected.each,)
                    elements = self._within(each, lists)
                    # A list in the elements that events are of is each element's own.
                    key = _number(emitted.each[0]) if len(emitted.each) == 1 else ROW
                    key = key if key in elements.columns else ROW
                    rows = rows.join(_lists(name, collected, elements, key), on=key, how="left", maintain_order="left")
                good, bad = _emit(emitted, rows, order)
                events.append(good)
                rejected.append(bad)
        decoded = _placed(events)
        refused = pl.concat([pl.DataFrame(schema=REJECTED_SCHEMA), *rejected]).unique(
            ROW, keep="first", maintain_order=True
        )
        numbered = pl.DataFrame(schema=NUMBERED_SCHEMA) if self._numbering is None else self._numbering.of(top)
        totals = pl.concat([pl.DataFrame(schema=TOTALS_SCHEMA), *(total.of(top) for total in self._totals)])
        totals = totals.sort(ROW, maintain_order=True)
        return Decoded(decoded, refused.sort(ROW), self._ignored(top, decoded, refused), numbered, totals)

    def _ignored(self, top: pl.DataFrame, events: pl.DataFrame, rejected: pl.DataFrame) -> pl.DataFrame:
        if events.height == top.height and events[ROW].n_unique() == top.height:
            return pl.DataFrame(schema=IGNORED_SCHEMA)
        is_told = pl.repeat(value=False, n=top.height, eager=True)
        is_told = is_told.scatter(pl.concat([events[ROW], rejected[ROW]]), values=True)
        said = {number: case.ignore for number, case in enumerate(self._cases)}
        known = pl.col(_CASE).replace_strict(said, default=None, return_dtype=pl.String())
        called = (
            pl.lit(UNKNOWN)
            if self._called is None
            else pl.format(f"{UNKNOWN} {{}}", self._called.str.head(_LONGEST_REASON))
        )
        of_no_case = pl.coalesce(called, pl.lit(UNKNOWN))
        reason = pl.when(pl.col(_CASE) < 0).then(of_no_case).otherwise(known.fill_null(NOTHING))
        return top.filter(~is_told).select(ROW, reason=reason)

    def _top(self, levels: Levels) -> pl.DataFrame:
        """Return the payloads' own fields by path, with `row`, and aggregates of paths into lists.

        Of payloads whose case is known from their own fields, lists are aggregated only for what this case reads.
        """
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
        frame = frame.with_row_index(ROW)
        is_first = pl.any_horizontal(pl.lit(value=False), *(case.holds for case in self._first))
        is_later = frame.select(pl.repeat(value=True, n=pl.len()) & ~is_first).to_series()
        later = self._asked - self._asked_first
        for name in {path.level: None for path in self._paths if path.level != TOP}:
            paths = [path for path in self._paths if path.level == name]
            rows = levels[name].fields.with_columns(payload_of(name, levels).alias(ROW))
            frame = with_list(frame, paths, rows, self._asked_first)
            of_later = rows if is_later.all() else rows.filter(is_later.gather(rows[ROW]))
            frame = with_list(frame, paths, of_later, later)
        return self._scope.with_fields(frame, self._asked)

    def _within(self, each: Sequence[str], lists: _Lists) -> pl.DataFrame:
        """Return the payloads, or the elements of their lists `each`, with the payload's fields beside their own.

        For two lists: each pair of elements.
        """
        if not each:
            return lists.payloads.with_columns(pl.lit(0, pl.UInt32).alias(INDEX))
        first, *others = each
        rows = self._elements(first, lists)
        for other in others:
            rows = self._elements(other, _Lists(rows.drop(INDEX), lists.levels, lists.asked))
            rows = rows.with_columns(pl.int_range(pl.len(), dtype=pl.UInt32).over(ROW).alias(INDEX))
        return rows

    def _elements(self, each: str, lists: _Lists) -> pl.DataFrame:
        """Return the elements of a list, with the fields of their payloads and outer elements beside their own."""
        if each not in lists.read:
            lists.read[each] = self._read_elements(each, lists)
        return lists.read[each]

    def _read_elements(self, each: str, lists: _Lists) -> pl.DataFrame:
        level = lists.levels[each]
        own = {
            f"{path.text}{suffix}": pl.col(f"{path.field}{KIND}" if suffix == KIND else path.field)
            for path in self._paths
            if path.level == each and path.where is None
            for suffix in ("", PARTS, KIND)
        }
        asked = lists.asked | self._scope.made_of(lists.asked)
        read = {name: column for name, column in own.items() if name in asked}
        elements = level.fields.select(**read) if read else pl.DataFrame(height=len(level.parent))
        number = _number(above(each))
        elements = elements.with_columns(
            level.parent.alias(number),
            level.index.alias(INDEX),
            pl.int_range(pl.len(), dtype=pl.UInt32).alias(_number(each)),
        )
        rows = lists.payloads
        outer = rows if number in rows.columns else self._elements(above(each), lists)
        made = self._scope.made_at({each}).union(own, elements.columns) - {number}
        inherited = outer.drop(made.intersection(outer.columns))
        together = elements.join(inherited, on=number, how="inner", maintain_order="left")
        return self._scope.with_fields(together, lists.asked, each)


def _crowded(payloads: pl.DataFrame) -> pl.DataFrame:
    """Reject payloads with too many events, as `REJECTED_SCHEMA`."""
    return payloads.select(
        ROW,
        reason=pl.lit("too_many"),
        detail=pl.format(f"{{}} events, at most {MOST_EVENTS} are read", _EVENTS),
    )


def _number(level: str) -> str:
    """Return the name of the column with the row numbers of a level."""
    return ROW if level == TOP else f"#{level}"


def _lists(name: str, collected: Collected, elements: pl.DataFrame, key: str) -> pl.DataFrame:
    """Return a list for each payload or element, and its first fault: the key, the name, `name:fault`."""
    fault = f"{name}:fault"
    meant = elements.filter(collected.holds)
    for step in collected.first:
        meant = meant.with_columns(**step)
    fields = pl.struct(expression.alias(field) for field, expression in collected.fields.items())
    made = meant.select(key, fields.alias(name))
    happened = _happened(meant, [broken for broken, _ in collected.faults])
    if not happened:
        lists = made.group_by(key, maintain_order=True).agg(name)
        return lists.with_columns(pl.lit(None, pl.String()).alias(fault))
    said = pl.coalesce(pl.when(rows).then(collected.faults[number][1]) for number, rows in happened.items())
    made = made.with_columns(meant.select(said.alias(fault)).to_series())
    return made.group_by(key, maintain_order=True).agg(name, pl.col(fault).drop_nulls().first())


def _emit(emitted: Emitted, rows: pl.DataFrame, order: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the events of rows and, as `REJECTED_SCHEMA`, the invalid rows."""
    # Columns are computed once, since several faults use them; details of faults only for few rows.
    rows = rows.select({ROW, INDEX} | emitted.reads.intersection(rows.columns))
    made = rows if rows.select(emitted.holds).to_series().all() else rows.filter(emitted.holds)
    for step in emitted.first:
        made = made.with_columns(**step)
    made = made.with_columns(
        expression.cast(DECODED_SCHEMA[name], strict=False).alias(f"{MADE}{name}")
        for name, expression in emitted.columns.items()
    )
    happened = _happened(made, [broken for broken, _, _ in emitted.faults])
    is_bad = reduce(or_, happened.values()) if happened else None
    events = (made if is_bad is None else made.filter(~is_bad)).select(
        ROW,
        pl.lit(order, pl.UInt16).alias("#order"),
        INDEX,
        *(pl.col(f"{MADE}{name}").alias(name) for name in emitted.columns),
    )
    if is_bad is None:
        return events, pl.DataFrame(schema=REJECTED_SCHEMA)
    # Of several faults the first counts.
    reason, detail = pl.lit(None, pl.String), pl.lit(None, pl.String)
    for number, has_it in reversed(happened.items()):
        _, its_reason, its_detail = emitted.faults[number]
        of_bad = pl.lit(has_it.filter(is_bad))
        reason = pl.when(of_bad).then(its_reason).otherwise(reason)
        detail = pl.when(of_bad).then(its_detail).otherwise(detail)
    return events, made.filter(is_bad).select(ROW, reason=reason, detail=detail)


def _happened(rows: pl.DataFrame, broken: Sequence[pl.Expr]) -> dict[int, pl.Series]:
    """Return, by number, which rows have each of these faults, without the faults that no row has.

    Details are computed only of these: a text of each fault would cost more than the events.
    """
    are_broken = rows.select(one.fill_null(value=False).alias(str(number)) for number, one in enumerate(broken))
    return {number: rows for number, rows in enumerate(are_broken.get_columns()) if rows.any()}


def _placed(events: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return events in the order of their payloads as `DECODED_SCHEMA`, each with its position in its payload."""
    filled = [frame for frame in events if not frame.is_empty()]
    if not filled:
        return pl.DataFrame(schema=DECODED_SCHEMA)
    together = pl.concat(filled, how="diagonal").sort(ROW, "#order", maintain_order=True)
    place = pl.int_range(pl.len())
    # Sorted by payload, so that a payload's first event is where another number begins: a window would hash them.
    first = pl.when(pl.col(ROW).ne_missing(pl.col(ROW).shift())).then(place).forward_fill()
    missing = [
        pl.lit(None, DECODED_SCHEMA[name]).alias(name) for name in DECODED_SCHEMA if name not in together.columns
    ]
    return (
        together.with_columns(*missing)
        .with_columns(position=place - first)
        .select(DECODED_SCHEMA.names())
        .cast(DECODED_SCHEMA)
    )
