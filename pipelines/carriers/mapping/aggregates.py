"""Aggregates of the elements of a payload's lists: joined texts, kind, number, and all values."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import numpy as np
import polars as pl

from pipelines.carriers.levels import INTEGER, MISSING, STRING, Levels
from pipelines.carriers.mapping.chosen import holds
from pipelines.carriers.mapping.measures import MEASURES
from pipelines.carriers.mapping.paths import TOP, Path, above
from pipelines.carriers.mapping.scope import ALL, COUNT, KIND, PARTS, SEPARATOR

ROW: Final = "row"
"""Column: the payload's number."""

_NOBODY: Final = {
    "": pl.lit(None, pl.String),
    PARTS: pl.lit(None, pl.String),
    KIND: pl.lit(MISSING, pl.UInt8),
    COUNT: pl.lit(0, pl.Int64),
    ALL: pl.lit(None, pl.List(pl.String)),
}
"""Defaults for a list that no payload has, by suffix of the column."""


def payload_of(name: str, levels: Levels) -> pl.Series:
    """Return the payload of each row of a level, also through the elements of outer lists."""
    payload = levels[name].parent
    while (name := above(name)) != TOP:
        payload = levels[name].parent.gather(payload)
    return payload


def with_list(
    payloads: pl.DataFrame, paths: Sequence[Path], rows: pl.DataFrame, asked: Collection[str]
) -> pl.DataFrame:
    """Return payloads with aggregates of paths into one list, by path and suffix of the column."""
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
    is_alone = elements[ROW].is_unique()
    alone, others = elements.filter(is_alone), elements.filter(~is_alone)
    of_alone = [_of_one(path)[suffix].alias(name) for name, (path, suffix) in zip(named, wanted, strict=True)]
    found = [alone.select(ROW, *of_alone)]
    if not others.is_empty():
        of_others = [_of_list(path)[suffix].alias(name) for name, (path, suffix) in zip(named, wanted, strict=True)]
        found.append(others.group_by(ROW, maintain_order=True).agg(of_others))
    found.append(pl.select(pl.lit(0, elements.schema[ROW]).alias(ROW), *nobody))
    together = pl.concat(found)
    place = np.full(n, together.height - 1, np.uint32)
    place[together[ROW].to_numpy()[:-1]] = np.arange(together.height - 1, dtype=np.uint32)
    return together.drop(ROW)[place].get_columns()


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
