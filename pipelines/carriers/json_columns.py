"""A column of JSON values -> a column a field, for the values that the compiled reader is certain of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.carriers.base import MAX_VALUE_BYTES
from pipelines.carriers.json_scan import VIEW_WORDS, scan
from pipelines.carriers.json_table import INSTANT, NUMBERS, STRINGS, JsonTable
from schemas.lake import UTC_TIME

_BLOCK_BYTES: Final = 1 << 30
"""An Arrow view holds a position in 31 bits."""


@dataclass(frozen=True)
class JsonColumns:
    """What was read of a column of values.

    Attributes:
        accepted: [values] Boolean: was the value read. What is not accepted may still be right: ask msgspec.
        fields: [accepted values] a column a field of the contract but structs: String, Int64 or UTC time.
    """

    accepted: pl.Series
    fields: pl.DataFrame


def read_json(values: pl.Series, table: JsonTable) -> JsonColumns:
    """Read a Binary column, none of whose values is null, by a table of fields."""
    blocks = [_read_block(block, table) for block in _blocks(values)]
    if len(blocks) == 1:
        return blocks[0]
    return JsonColumns(
        pl.concat([pl.Series("accepted", [], pl.Boolean), *(block.accepted for block in blocks)]),
        pl.concat([_read_block(values.clear(), table).fields, *(block.fields for block in blocks)]),
    )


def _blocks(values: pl.Series) -> Iterator[pl.Series]:
    """Slices whose bytes can be addressed; one value alone can have more, then it is left out as a null is: empty."""
    sizes = values.bin.size()
    ends = sizes.cum_sum()
    start = 0
    while start < len(values):
        before = ends[start] - sizes[start]
        stop = max(start + 1, int(ends.search_sorted(before + _BLOCK_BYTES, side="right")))
        yield values.slice(start, stop - start)
        start = stop


def _read_block(values: pl.Series, table: JsonTable) -> JsonColumns:
    column = pa.array(values.to_arrow().cast(pa.large_binary()))
    bounds, content = column.buffers()[1:]
    ends = np.frombuffer(bounds, np.int64)[column.offset : column.offset + len(column) + 1]
    shape = (len(table.names), len(values))
    views = np.zeros((*shape, VIEW_WORDS), np.uint64)
    numbers = np.zeros(shape, np.int64)
    present = np.zeros(shape, np.bool_)
    accepted = np.zeros(len(values), np.bool_)
    data = np.frombuffer(content, np.uint8) if content else np.empty(0, np.uint8)
    scan(data, ends, MAX_VALUE_BYTES, table.fields, table.options, table.text, views, numbers, present, accepted)
    columns = {
        name: _column(kind, content, views[number], numbers[number], present[number] & accepted)
        for number, (name, kind) in enumerate(zip(table.names, table.fields["kind"].tolist(), strict=True))
    }
    kept = pl.Series("accepted", accepted)
    fields = pl.DataFrame(columns)
    return JsonColumns(kept, fields if accepted.all() else fields.filter(kept))


def _column(
    kind: int,
    content: pa.Buffer,
    views: NDArray[np.uint64],
    numbers: NDArray[np.int64],
    present: NDArray[np.bool_],
) -> pl.Series:
    dtype = UTC_TIME if kind == INSTANT else pl.Int64() if kind in NUMBERS else pl.String()
    if not present.any():
        return pl.Series([None], dtype=dtype).new_from_index(0, len(present))
    validity = pa.py_buffer(np.packbits(present, bitorder="little"))
    if kind in STRINGS:
        buffers = [validity, pa.py_buffer(views), content]
        return pl.Series(pa.Array.from_buffers(pa.string_view(), len(present), buffers))
    found = pl.Series(pa.Array.from_buffers(pa.int64(), len(present), [validity, pa.py_buffer(numbers)]))
    return found.cast(pl.Datetime("us")).dt.replace_time_zone("UTC") if kind == INSTANT else found
