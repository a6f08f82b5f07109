"""Read the fields that a mapping uses by compiled code: the same as `rows` reads, where that is certain."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from pipelines.carriers.json_levels import ScannedLevels, read_levels
from pipelines.carriers.levels import KIND, MISSING, STRING, Level
from pipelines.carriers.mapping.chosen import chosen, of_all_elements
from pipelines.carriers.mapping.paths import AS_JSON, AS_URL, AS_XML, HEADER, TOP, above, read_as
from pipelines.carriers.mapping.rows import is_document_of
from pipelines.carriers.percent import percent_decoded
from schemas.lake import HEADERS

_BEGINS: Final = {AS_JSON: r"^[ \t\r\n]*[\[{\"0-9tfn-]", AS_XML: "<"}
"""What begins otherwise is no document, XML what has none: most of the texts that are written where one may stand."""

Fields = Mapping[str, Sequence[str]]


@dataclass
class _Nested:
    """Fields of a document within a string.

    Attributes:
        fields: Level in the document -> names of its fields in the document -> their names in the payload.
        levels: Level in the document -> its name in the payload.
    """

    fields: dict[str, dict[str, str]] = field(default_factory=lambda: {TOP: {}})
    levels: dict[str, str] = field(default_factory=dict)


def read_columns(
    values: pl.Series, fields: Fields, headers: pl.Series | None = None, *, only_objects: bool = True
) -> ScannedLevels:
    """Read fields of JSON payloads.

    Args:
        values: Binary, none of them null.
        fields: See `rows.fields_of`.
        headers: Headers of each record, of type `schemas.lake.HEADERS`.
        only_objects: Whether to accept only objects.
    """
    scanned = _read(values, of_all_elements(fields), headers, only_objects=only_objects)
    levels = chosen(scanned.levels, fields)
    return ScannedLevels(scanned.accepted, {name: _of(levels[name], names) for name, names in fields.items()})


def _read(
    values: pl.Series,
    fields: Fields,
    headers: pl.Series | None = None,
    *,
    only_objects: bool = False,
    is_xml: bool = False,
) -> ScannedLevels:
    """Read fields of payloads or of documents, from all elements of lists."""
    plain: dict[str, list[str]] = {TOP: []}
    nested: dict[tuple[str, str, str], _Nested] = {}
    for level, names in fields.items():
        if inside := read_as(level):
            of_string = nested.setdefault(inside[:3], _Nested())
            of_string.levels[inside.inner] = level
            of_string.fields[inside.inner] = {name: name for name in names}
            continue
        plain.setdefault(level, [])
        for name in names:
            if level == TOP and name.startswith(HEADER):
                continue
            if inside := read_as(name):
                nested.setdefault((level, *inside[1:3]), _Nested()).fields[TOP][inside.inner] = name
            else:
                plain[level].append(name)
    for level, outer, _ in nested:
        plain[level].append(outer)
    # Without those that are percent-encoded, whose strings are read in their place.
    encoded = {level: {name for name in names if name.endswith(AS_URL)} for level, names in plain.items()}
    written = {level: list(dict.fromkeys(_written(name) for name in names)) for level, names in plain.items()}
    scanned = read_levels(values, written, only_objects=only_objects, is_xml=is_xml)
    for level, names in encoded.items():
        scanned = _with_decoded(scanned, level, names)
    for (level, outer, form), inner in nested.items():
        scanned = _with_documents(scanned, level, outer, inner, form)
    if named := [name for name in fields[TOP] if name.startswith(HEADER)]:
        scanned = _with_headers(scanned, named, headers)
    return ScannedLevels(scanned.accepted, {name: _of(scanned.levels[name], names) for name, names in fields.items()})


def _of(level: Level, names: Sequence[str]) -> Level:
    """Keep only these fields, each with its kind."""
    columns = [column for name in names for column in (name, name + KIND)]
    kept = level.fields.select(columns) if columns else pl.DataFrame(height=len(level.parent))
    return Level(kept, level.parent, level.index)


def _written(name: str) -> str:
    """Return the path of the encoded string for a path that ends with `::url`."""
    return name.removesuffix(AS_URL)


def _with_decoded(scanned: ScannedLevels, name: str, encoded: Collection[str]) -> ScannedLevels:
    """Add the decoded texts of percent-encoded strings of a level; they are missing where the value is no string."""
    level = scanned.levels[name]
    columns = []
    for one in sorted(encoded):
        is_text = level.fields[_written(one) + KIND] == STRING
        text = level.fields[_written(one)].set(~is_text, None)
        rows = text.str.contains("[%+]").fill_null(value=False).arg_true()
        text = text.scatter(rows, percent_decoded(text.gather(rows))) if len(rows) else text
        kind = pl.select(pl.when(is_text).then(STRING).otherwise(MISSING).cast(pl.UInt8)).to_series()
        columns += [text.alias(one), kind.alias(one + KIND)]
    fields = level.fields.hstack(columns) if columns else level.fields
    return ScannedLevels(scanned.accepted, {**scanned.levels, name: Level(fields, level.parent, level.index)})


def _with_documents(scanned: ScannedLevels, name: str, outer: str, nested: _Nested, form: str) -> ScannedLevels:
    """Add fields of the documents in a string of a level; they are missing where the string is no document."""
    level, of_value = scanned.levels[name], scanned.values_of(name)
    may_be_read = (level.fields[outer + KIND] == STRING) & scanned.accepted.gather(of_value)
    texts = level.fields[outer].set(~may_be_read, None)
    may_be_document = texts.str.contains(_BEGINS[form]).fill_null(value=False)
    rows = may_be_document.arg_true()
    asked = {of: tuple(names) for of, names in nested.fields.items()}
    read = _read(texts.gather(rows).cast(pl.Binary), asked, is_xml=form == AS_XML)
    others, rows = rows.filter(~read.accepted), rows.filter(read.accepted)
    inner = read.of_accepted()
    columns = inner[TOP].fields
    if len(rows) < len(texts):
        is_document = pl.Series([False], dtype=pl.Boolean).new_from_index(0, len(texts)).scatter(rows, values=True)
        places = pl.when(is_document).then(is_document.cum_sum() - 1)
        placed = pl.all().gather(pl.select(places).to_series())
        columns = columns.select(placed).with_columns(pl.col(f"^.*{KIND}$").fill_null(MISSING))
    whole = {one + part: kept + part for one, kept in nested.fields[TOP].items() for part in ("", KIND)}
    levels = dict(scanned.levels)
    levels[name] = Level(level.fields.hstack(columns.rename(whole)), level.parent, level.index)
    for one, kept in nested.levels.items():
        elements = inner[one]
        parent = rows.gather(elements.parent) if above(one) == TOP else elements.parent
        levels[kept] = Level(elements.fields, parent, elements.index)
    are_documents = [is_document_of(form, text) for text in texts.gather(others)]
    refused = of_value.gather(others.filter(pl.Series(are_documents, dtype=pl.Boolean))).unique()
    accepted = scanned.accepted.clone().scatter(refused, values=False) if len(refused) else scanned.accepted
    return ScannedLevels(accepted, levels)


def _with_headers(scanned: ScannedLevels, names: Sequence[str], headers: pl.Series | None) -> ScannedLevels:
    """Add headers to the payloads; of several with the same name the last counts."""
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
