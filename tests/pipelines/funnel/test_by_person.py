import datetime as dt
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from pipelines.funnel import by_person as module
from pipelines.funnel import funnel
from pipelines.funnel.by_person import Persons, by_person
from pipelines.funnel.funnel import matched_steps
from pipelines.funnel.views import summary, summary_of_matches
from schemas.funnel import COUNTS, MODES
from schemas.lake import ORDERING_KEY
from tests.examples import examples
from tests.pipelines.funnel.samples import at, definition, on_timeline

KEY = ("person_id", *ORDERING_KEY)
ROWS = st.lists(
    st.tuples(
        st.sampled_from("pqr"),
        st.integers(0, 4),
        st.sampled_from("TU"),
        st.integers(0, 1),
        st.integers(0, 2),
        st.integers(0, 1),
    ),
    max_size=30,
    unique=True,
)


ARRANGED = {
    "as drawn": list,
    "sorted": sorted,
    "by time": lambda rows: sorted(rows, key=lambda row: row[1:]),
    "sorted but for those of one instant": lambda rows: sorted(sorted(rows, reverse=True), key=lambda row: row[:2]),
}


def frame(rows) -> pl.LazyFrame:
    columns = [dict(zip(KEY, row, strict=True)) | {"time": at(row[1])} for row in rows]
    kinds = [{"type": "abcx"[(row[1] + row[4] + row[5]) % 4], "source": "//test", "event_id": str(row)} for row in rows]
    return on_timeline([one | other for one, other in zip(columns, kinds, strict=True)])


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "_ROWS_AT_ONCE", 4)


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("order", ARRANGED)
def test_parts_hold_whole_persons_in_order_whatever_the_order_of_the_rows(order: str):
    @given(ROWS)
    def check(rows):
        parts: list[Persons] = by_person(frame(ARRANGED[order](rows)), pl.lit(value=True), lambda persons: persons)
        ids = [person for part in parts for person in part.ids]
        assert ids == sorted({row[0] for row in rows})
        keys = [row for part in parts for row in part.rows.select(ORDERING_KEY).rows()]
        assert keys == [(at(row[1]), *row[2:]) for row in sorted(rows)]
        sizes = [end - start for part in parts for start, end in pairwise(part.starts)]
        assert sizes == [sum(row[0] == person for row in rows) for person in ids]

    check()


@pytest.mark.usefixtures("small_parts")
def test_rows_whose_disorder_shows_late_are_read_again():
    rows = [(person, n, "T", 0, 0, 0) for person in "pq" for n in range(9)] + [("p", 20, "T", 0, 0, 0)]
    parts = by_person(frame(rows), pl.lit(value=True), lambda persons: persons)
    assert [(part.ids.to_list(), part.starts.tolist()) for part in parts] == [(["p", "q"], [0, 10, 19])]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("timelines") / "timeline.parquet"


def in_a_file(rows: pl.LazyFrame, folder: Path) -> pl.LazyFrame:
    rows.sink_parquet(folder / "timeline.parquet")
    return pl.scan_parquet(folder / "timeline.parquet")


def in_a_delta_table(rows: pl.LazyFrame, folder: Path) -> pl.LazyFrame:
    rows.collect().write_delta(folder / "timeline")
    return pl.scan_delta(folder / "timeline")


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("stored", [in_a_file, in_a_delta_table])
@pytest.mark.parametrize(
    ("last", "is_read"),
    [
        (("q", 9, "T", 0, 0, 0), False),
        (("q", 8, "T", 0, 1, 0), True),
        (("q", 8, "T", 0, 0, 1), True),
        (("q", 7, "T", 0, 1, 0), True),
    ],
)
def test_what_only_orders_events_of_one_instant_is_read_from_files_where_there_are_such(
    tmp_path: Path, stored: Callable[[pl.LazyFrame, Path], pl.LazyFrame], last, is_read
):
    rows = [*((person, n, "T", 0, 0, 0) for person in "pq" for n in range(9)), last]
    asked = stored(frame(rows), tmp_path).select("person_id", *ORDERING_KEY, pl.col("type") == "a")
    parts = by_person(asked, pl.lit(value=True), lambda persons: persons, is_stored=True)
    assert [row for part in parts for row in part.rows["time"]] == [at(row[1]) for row in sorted(rows)]
    read = {name for part in parts for name in part.rows.columns}
    assert read == {"person_id", "type", *(ORDERING_KEY if is_read else ORDERING_KEY[:1])}


@pytest.mark.usefixtures("small_parts")
def test_what_is_dear_to_compute_is_computed_once_where_its_disorder_shows_at_once():
    computed = []

    def compute(rows: pl.DataFrame) -> pl.DataFrame:
        computed.append(rows.height)
        return rows

    rows = [("p", n, "T", 0, 0, 0) for n in range(9, 0, -1)]
    by_person(frame(rows).select(KEY).map_batches(compute), pl.lit(value=True), lambda persons: persons)
    assert computed == [9]


@pytest.mark.usefixtures("small_parts")
@examples(50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, mode=st.sampled_from(MODES), count=st.sampled_from(COUNTS), days=st.integers(1, 4))
def test_the_summary_of_matches_is_that_of_entries_whatever_the_order_of_the_rows(file, rows, mode, count, days):
    chosen = definition(*(f"type = '{kind}'" for kind in "abc"), window=dt.timedelta(days=days), mode=mode, count=count)
    expected = summary(funnel(frame(rows), chosen, at(4)), chosen).collect()
    for arrange in ARRANGED.values():
        held = frame(arrange(rows))
        held.sink_parquet(file)
        for timeline, is_stored in ((held, False), (pl.scan_parquet(file), True)):
            matches = matched_steps(timeline, chosen, at(4), is_stored=is_stored)
            assert_frame_equal(summary_of_matches(matches, chosen).collect(), expected)
