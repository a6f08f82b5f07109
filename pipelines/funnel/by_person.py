"""Timeline rows in the order for the search of chains: by person, then by the ordering key."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import Final, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.arrays import fixed, runs
from pipelines.compiled import compiled
from schemas.lake import ORDERING_KEY

_ROWS_AT_ONCE: Final = 500_000
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Persons:
    """Whole persons: `rows` by person and ordering key, `ids` of the persons, `starts` their first rows and the end."""

    rows: pl.DataFrame
    ids: pl.Series
    starts: NDArray[np.int64]


def by_person(
    rows: pl.LazyFrame, is_needed: pl.Expr, work: Callable[[Persons], _Result], *, is_stored: bool = False
) -> list[_Result]:
    """Call `work` on parts of the persons, in the order of their ids.

    Rows that are sorted by person and ordering key are streamed, with only some of them in memory. Others are collected
    and sorted. Whether they are sorted is found while reading; if that fails late, they are read again.

    Args:
        rows: `person_id`, the ordering key and any other columns.
        is_needed: False or null for rows that need not be sorted, because `work` does not use them.
        work: Called with each part. Of the ordering key it may only use `time`.
        is_stored: Rows come from files: the columns that order events of equal time are only read if there are any. It
            does not change results.
    """
    if is_stored:
        with suppress(_OutOfOrder):
            return _in_threads(work, _parts(_batches(rows.drop(ORDERING_KEY[1:]))))
    batches = _batches(rows)
    first = next(batches, None)
    if first is None:
        return []
    try:
        return _in_threads(work, _parts(chain([first], batches)))
    except _OutOfOrder as found:
        again = chain([first], batches) if found.at_once else _batches(rows)
        return [work(_sorted(again, is_needed))]


def _batches(rows: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    return (batch for batch in rows.collect_batches(chunk_size=_ROWS_AT_ONCE) if batch.height)


class _OutOfOrder(Exception):
    """A row may not come after the previous one; `at_once`: found in the first batch."""

    def __init__(self, *, at_once: bool) -> None:
        self.at_once = at_once


def _parts(batches: Iterable[pl.DataFrame]) -> Iterator[Persons]:
    """Yield non-empty parts of whole persons from sorted batches.

    Raises:
        _OutOfOrder: They are not sorted, or have events of equal time without the columns that order them.
    """
    # The rows of the last person so far, which may continue in the next batch.
    last: list[pl.DataFrame] = []
    for batch in batches:
        if last and batch["person_id"][-1] == last[0]["person_id"][0]:
            last.append(batch)
            continue
        persons = _checked([*last, batch])
        n_whole = len(persons.ids) - 1
        last = [persons.rows[int(persons.starts[n_whole]) :]]
        if n_whole:
            yield _head(persons, n_whole)
    if last:
        yield _checked(last)


def _in_threads(work: Callable[[Persons], _Result], parts: Iterable[Persons]) -> list[_Result]:
    """Yield the results in the order of the parts, with few parts in memory."""
    done: list[_Result] = []
    under_way: deque[Future[_Result]] = deque()
    with ThreadPoolExecutor(pl.thread_pool_size()) as threads:
        for part in parts:
            under_way.append(threads.submit(work, part))
            if len(under_way) > pl.thread_pool_size():
                done.append(under_way.popleft().result())
        return [*done, *(future.result() for future in under_way)]


def _persons(rows: pl.DataFrame) -> Persons:
    return Persons(rows, *runs(rows["person_id"]))


def _head(persons: Persons, number: int) -> Persons:
    """Return the first persons."""
    starts = persons.starts[: number + 1]
    return Persons(persons.rows[: int(starts[-1])], persons.ids[:number], starts)


def _checked(batches: list[pl.DataFrame]) -> Persons:
    rows = pl.concat(batches)
    # Accessed often, and only an array if it is contiguous.
    persons = _persons(rows.with_columns(rows["time"].rechunk()))
    if not _is_sorted(persons):
        raise _OutOfOrder(at_once=len(batches) == 1)
    return persons


def _is_sorted(persons: Persons) -> bool:
    if not persons.ids.is_sorted():
        return False
    is_ascending, ties = _ties(persons.starts, fixed(persons.rows["time"]))
    if not is_ascending or not len(ties):
        return is_ascending
    if ORDERING_KEY[1] not in persons.rows.columns:
        return False
    key = persons.rows.select(ORDERING_KEY)
    pairs = key[ties - 1].hstack(key[ties].rename(lambda name: f"{name}_after"))
    return pairs.select(_is_before(ORDERING_KEY[1:]).all()).item()


def _is_before(names: tuple[str, ...]) -> pl.Expr:
    name, *others = names
    before = pl.col(name) < pl.col(f"{name}_after")
    if not others:
        return before
    return before | ((pl.col(name) == pl.col(f"{name}_after")) & _is_before(tuple(others)))


@compiled
def _ties(starts: NDArray[np.int64], time: NDArray[np.int64]) -> tuple[bool, NDArray[np.int64]]:
    """Return whether times never fall within a person, and the rows with the same time as the person's previous row."""
    ties = np.empty(len(time), np.int64)
    n_ties = 0
    for person in range(len(starts) - 1):
        for row in range(starts[person] + 1, starts[person + 1]):
            if time[row] < time[row - 1]:
                return False, ties[:0]
            if time[row] == time[row - 1]:
                ties[n_ties] = row
                n_ties += 1
    return True, ties[:n_ties]


def _sorted(batches: Iterable[pl.DataFrame], is_needed: pl.Expr) -> Persons:
    """Return all persons, sorted. They are numbered, so that strings are compared once per person, not per row."""
    category = pl.Categorical(pl.Categories.random())
    rows = pl.concat([batch.filter(is_needed).cast({"person_id": category}) for batch in batches], rechunk=True)
    codes = fixed(rows["person_id"])
    first = _first_rows(codes, int(codes.max()) + 1 if len(codes) else 0)
    present = np.flatnonzero(first >= 0)
    ids = rows["person_id"].gather(first[present]).cast(pl.String)
    by_id = ids.arg_sort().to_numpy()
    number = np.zeros(len(first), np.uint32)
    number[present[by_id]] = np.arange(len(present), dtype=np.uint32)
    order, starts = _grouped(number[codes], len(present))
    rows = rows.with_columns(pl.Series("person_id", number[codes]))
    persons = Persons(rows[order], ids.gather(by_id), starts)
    if _is_sorted(persons):
        return persons
    return Persons(rows.sort("person_id", *ORDERING_KEY), persons.ids, starts)


@compiled
def _first_rows(codes: NDArray[np.uint32], n_codes: int) -> NDArray[np.int64]:
    """Return the first row of each code, -1 if it has none."""
    first = np.full(n_codes, -1, np.int64)
    for row in range(len(codes) - 1, -1, -1):
        first[codes[row]] = row
    return first


@compiled
def _grouped(number: NDArray[np.uint32], n_groups: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return rows sorted by group (a stable counting sort), and the start of each group and the end."""
    starts = np.zeros(n_groups + 1, np.int64)
    for group in number:
        starts[group + 1] += 1
    starts = np.cumsum(starts)
    free = starts[:-1].copy()
    order = np.empty(len(number), np.int64)
    for row in range(len(number)):
        order[free[number[row]]] = row
        free[number[row]] += 1
    return order, starts
