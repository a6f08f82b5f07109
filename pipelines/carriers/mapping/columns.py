"""Payloads -> the fields that a mapping names, by compiled code: what `rows` reads, where that is certain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from pipelines.carriers.json_levels import ScannedLevels, read_levels
from pipelines.carriers.levels import KIND, MISSING, STRING, Level
from pipelines.carriers.mapping.paths import HEADER, TOP, above, read_as
from schemas.lake import HEADERS

_BEGINS_JSON: Final = r"^[ \t\r\n]*[\[{\"0-9tfn-]"
"""What begins otherwise is not JSON: most of the texts that are written where JSON may stand."""

Fields = Mapping[str, Sequence[str]]


@dataclass
class _Nested:
    """Fields of the JSON within a string: by level in there, their names in there -> their whole names.

    Attributes:
        levels: name of a level in there -> its whole name.
    """

    fields: dict[str, dict[str, str]] = field(default_factory=lambda: {TOP: {}})
    levels: dict[str, str] = field(default_factory=dict)


def read_columns(
    values: pl.Series, fields: Fields, headers: pl.Series | None = None, *, only_objects: bool = True
) -> ScannedLevels:
    """Read fields of JSON payloads.

    Args:
        values: Binary, none of them null.
        fields: see `rows.fields_of`.
        headers: of each record, the type of `schemas.lake.HEADERS`.
        only_objects: whether to accept nothing but objects.
    """
    plain: dict[str, list[str]] = {TOP: []}
    nested: dict[tuple[str, str], _Nested] = {}
    for level, names in fields.items():
        if inside := read_as(level):
            of_string = nested.setdefault(inside[:2], _Nested())
            of_string.levels[inside[2]] = level
            of_string.fields[inside[2]] = {name: name for name in names}
            continue
        plain.setdefault(level, [])
        for name in names:
            if level == TOP and name.startswith(HEADER):
                continue
            if inside := read_as(name):
                _, outer, inner = inside
                nested.setdefault((level, outer), _Nested()).fields[TOP][inner] = name
            else:
                plain[level].append(name)
    for level, outer in nested:
        if outer not in plain[level]:
            plain[level].append(outer)
    scanned = read_levels(values, plain, only_objects=only_objects)
    for (level, outer), inner in nested.items():
        scanned = _with_json(scanned, level, outer, inner)
    if named := [name for name in fields[TOP] if name.startswith(HEADER)]:
        scanned = _with_headers(scanned, named, headers)
    return ScannedLevels(scanned.accepted, {name: _of(scanned.levels[name], names) for name, names in fields.items()})


def _of(level: Level, names: Sequence[str]) -> Level:
    """These fields alone."""
    columns = [column for name in names for column in (name, name + KIND)]
    kept = level.fields.select(columns) if columns else pl.DataFrame(height=len(level.parent))
    return Level(kept, level.parent, level.index)


def _with_json(scanned: ScannedLevels, name: str, outer: str, nested: _Nested) -> ScannedLevels:
    """Add fields of the JSON that stands in a string of a level; where it is none, they are missing."""
    level, of_value = scanned.levels[name], scanned.values_of(name)
    may_be_json = (pl.col(outer + KIND) == STRING) & pl.col(outer).str.contains(_BEGINS_JSON)
    is_read = level.fields.select(may_be_json & pl.lit(scanned.accepted.gather(of_value))).to_series()
    rows = is_read.arg_true()
    values = level.fields[outer].gather(rows).cast(pl.Binary)
    inner = read_columns(values, {of: tuple(names) for of, names in nested.fields.items()}, only_objects=False)
    columns = inner.levels[TOP].fields
    if len(rows) < len(is_read):
        places = pl.when(is_read).then(is_read.cum_sum() - 1)
        placed = pl.all().gather(pl.select(places).to_series())
        columns = columns.select(placed).with_columns(pl.col(f"^.*{KIND}$").fill_null(MISSING))
    whole = {one + part: kept + part for one, kept in nested.fields[TOP].items() for part in ("", KIND)}
    levels = dict(scanned.levels)
    levels[name] = Level(level.fields.hstack(columns.rename(whole)), level.parent, level.index)
    for one, kept in nested.levels.items():
        read = inner.levels[one]
        parent = rows.gather(read.parent) if above(one) == TOP else read.parent
        levels[kept] = Level(read.fields, parent, read.index)
    refused = of_value.gather(rows.filter(~inner.accepted)).unique()
    accepted = scanned.accepted.clone().scatter(refused, values=False) if len(refused) else scanned.accepted
    return ScannedLevels(accepted, levels)


def _with_headers(scanned: ScannedLevels, names: Sequence[str], headers: pl.Series | None) -> ScannedLevels:
    """Add headers to the payloads; of several with one name the last counts."""
    top = scanned.levels[TOP]
    rows = pl.int_range(len(scanned.accepted), dtype=pl.UInt32, eager=True).alias("row")
    none = pl.Series([None], dtype=HEADERS).new_from_index(0, len(rows))
    given = pl.DataFrame([rows, (none if headers is None else headers).alias("header")])
    given = given.explode("header").unnest("header")
    columns = []
    for name in names:
        is_it = pl.col("key").str.to_lowercase() == name.removeprefix(HEADER).lower()
        found = given.filter(is_it).select("row", pl.col("value").fill_null(b"")).unique("row", keep="last")
        text = _text(rows.to_frame().join(found, on="row", how="left", maintain_order="left")["value"])
        kind = pl.when(text.is_null()).then(MISSING).otherwise(STRING).cast(pl.UInt8)
        columns += [text.alias(name), pl.select(kind.alias(name + KIND)).to_series()]
    levels = {**scanned.levels, TOP: Level(top.fields.hstack(columns), top.parent, top.index)}
    return ScannedLevels(scanned.accepted, levels)


def _text(values: pl.Series) -> pl.Series:
    try:
        return values.cast(pl.String)
    except pl.exceptions.ComputeError:
        decoded = [None if value is None else value.decode(errors="replace") for value in values]
        return pl.Series(decoded, dtype=pl.String)
