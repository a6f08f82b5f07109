"""Records that are not valid events, of every kind that occurs in streams."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from emberline.simulator.clock import MINUTE
from schemas import kinds

_DEPTH: Final = 2000
_ANY: Final = kinds.MESSAGE_SENT
_MONEY: Final = kinds.ORDER_PLACED


def _replaced(pattern: str, by: str) -> pl.Expr:
    return pl.col("value").str.replace(pattern, by)


_SORTS: Final[dict[str, tuple[str, pl.Expr]]] = {
    "bad_json": (_ANY, _replaced(r"\{", "{,")),
    "truncated": (_ANY, pl.col("value").str.head(pl.col("value").str.len_chars() * 3 // 5)),
    "wrong_type": (_MONEY, _replaced(r'"total_minor":(\d+)', '"total_minor":"$1"')),
    "nan": (_MONEY, _replaced(r'"total_minor":\d+', '"total_minor":NaN')),
    "fraction": (_MONEY, _replaced(r'"total_minor":(\d+)', '"total_minor":$1.5')),
    "bad_utf8": (_ANY, pl.col("value")),
    "empty": (_ANY, pl.lit("")),
    "unknown_kind": (_ANY, _replaced(r'"type":"[^"]+"', '"type":"message.sung"')),
    "missing_field": (_MONEY, _replaced(r'"currency":"[^"]+",', "")),
    "bad_time": (_ANY, _replaced(r'"time":"[^"]+"', '"time":"2025-13-45T99:00:00Z"')),
    "future": (_ANY, _replaced(r'"time":"\d{4}-\d\d-\d\d', '"time":"2999-01-01')),
    # Ids that producers send for nobody: linking to them must merge nobody (docs/definitions.md#traps, trap 12).
    "blocked_id": (kinds.IDENTITY_LINKED, _replaced(r'"linked_id":"[^"]+"', '"linked_id":"shop:undefined"')),
    "deep_nesting": (_ANY, _replaced(r'"data":.*', '"data":' + "[" * _DEPTH + "]" * _DEPTH + "}")),
}
"""By sort: the kind of the event that is broken, and how."""

SORTS: Final = tuple(_SORTS)


def broken(firsts: pl.DataFrame, wanted: int, rng: np.random.Generator) -> pl.DataFrame:
    """About `wanted` broken records among the others, in the columns of `firsts` and `sort`; ids of their own.

    Args:
        firsts: row, type, topic, key, value, sent, kind of valid records, to break copies of.
        wanted: How many; each sort has at least one, or none has.
        rng: What chance is drawn from.
    """
    frames = [_of_sort(sort, firsts, -(-wanted // len(_SORTS)), rng) for sort in _SORTS if wanted]
    empty = firsts.head(0).with_columns(pl.col("value").cast(pl.Binary), sort=pl.lit(None, pl.String))
    return pl.concat([empty, *frames])


def _of_sort(sort: str, firsts: pl.DataFrame, wanted: int, rng: np.random.Generator) -> pl.DataFrame:
    kind, breaking = _SORTS[sort]
    whole = firsts.filter(pl.col("type") == kind)
    own = pl.lit(f"simulated-broken-{sort}-") + pl.int_range(pl.len()).cast(pl.String)
    chosen = whole[pl.Series(np.sort(rng.integers(0, whole.height, wanted)))].with_columns(
        id=own,
        kind=pl.lit("broken"),
        sort=pl.lit(sort),
        sent=pl.col("sent") + pl.Series(rng.integers(0, MINUTE, wanted)),
    )
    named = chosen.with_columns(
        key=pl.col("id").cast(pl.Binary),
        value=pl.col("value").str.replace(r'"id":"[^"]+"', pl.lit('"id":"') + pl.col("id") + pl.lit('"')),
    ).with_columns(value=breaking)
    values = named["value"].cast(pl.Binary)
    if sort == "bad_utf8":
        values = pl.Series("value", [value.replace(b"simulated-", b"simulated-\xff\xfe", 1) for value in values])
    return named.with_columns(value=values).select(*firsts.columns, "sort")
