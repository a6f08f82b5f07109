"""One row an event: the copy Kafka had first, whatever the batches in which the copies came."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipelines.events.deduplicate import Deduplicated, deduplicate
from schemas.lake import EVENTS
from tests.pipelines.canonical import NOON

Copy = tuple[str, str, int, str, int, str, tuple[str, ...] | None]
"""Source, id, minute Kafka had it, topic id, partition, body, operators.

The place in the list gives offset and position, three a record.
"""


def frame(copies: list[tuple[int, Copy]]) -> pl.DataFrame:
    rows = [
        {
            "source": source,
            "event_id": name,
            "kafka_time": NOON + dt.timedelta(minutes=minute),
            "topic_id": topic_id,
            "partition": partition,
            "offset": place // 3,
            "position": place % 3,
            "message_id": body,
            "group_operators": operators,
        }
        for place, (source, name, minute, topic_id, partition, body, operators) in copies
    ]
    return pl.DataFrame(rows, schema=EVENTS.schema)


def copy(name: str = "e", minute: int = 0, body: str = "m", source: str = "s") -> Copy:
    return (source, name, minute, "t", 0, body, ("app:x",))


def places(rows: pl.DataFrame) -> list[int]:
    """Where rows stood in the list of copies."""
    return rows.select(3 * pl.col("offset") + pl.col("position")).to_series().to_list()


def keep(batch: pl.DataFrame, stored: pl.DataFrame) -> tuple[pl.DataFrame, Deduplicated]:
    """The stored rows after a batch."""
    known = stored.join(batch, on=EVENTS.key, how="semi")
    found = deduplicate(batch, known)
    return pl.concat([stored.join(found.superseded, on=EVENTS.key, how="anti"), found.added]), found


NOTHING = frame([])


def test_of_copies_in_one_batch_the_first_delivered_stays():
    stored, found = keep(frame([(0, copy(minute=2)), (1, copy(minute=1)), (2, copy(minute=3))]), NOTHING)
    assert places(stored) == [1]
    assert (found.duplicates, found.conflicts) == (2, 0)


def test_a_stored_row_stays_when_a_later_copy_comes():
    stored, _ = keep(frame([(0, copy())]), NOTHING)
    after, found = keep(frame([(1, copy(minute=1))]), stored)
    assert after.equals(stored)
    assert (found.added.height, found.superseded.height, found.duplicates) == (0, 0, 1)


def test_a_stored_row_gives_way_to_an_earlier_copy():
    stored, _ = keep(frame([(0, copy(minute=1))]), NOTHING)
    after, found = keep(frame([(1, copy())]), stored)
    assert places(after) == [1]
    assert (found.superseded.rows(), found.duplicates) == ([("s", "e")], 1)


def test_at_the_same_time_the_place_in_kafka_decides():
    _, found = keep(frame([(0, ("s", "e", 0, "u", 0, "m", None)), (1, ("s", "e", 0, "t", 1, "m", None))]), NOTHING)
    assert found.added["topic_id"].to_list() == ["t"]


def test_a_copy_without_a_time_of_kafka_comes_last():
    untimed = frame([(0, copy())]).with_columns(kafka_time=pl.lit(None, EVENTS.columns["kafka_time"]))
    stored, _ = keep(pl.concat([untimed, frame([(1, copy(minute=9))])]), NOTHING)
    assert places(stored) == [1]


def test_one_id_of_two_sources_is_two_events():
    stored, found = keep(frame([(0, copy(source="s")), (1, copy(source="t"))]), NOTHING)
    assert (stored.height, found.duplicates) == (2, 0)


def test_a_copy_that_says_something_else_is_a_conflict():
    same, different = copy(minute=1), ("s", "e", 2, "t", 0, "m", ("app:y",))
    _, found = keep(frame([(0, copy()), (1, same), (2, different), (3, copy(minute=3, body="other"))]), NOTHING)
    assert (found.duplicates, found.conflicts) == (3, 2)


def test_where_a_copy_stood_and_when_it_came_is_no_conflict():
    _, found = keep(frame([(0, copy()), (1, ("s", "e", 5, "u", 3, "m", ("app:x",)))]), NOTHING)
    assert (found.duplicates, found.conflicts) == (1, 0)


copies = st.lists(
    st.tuples(
        st.just("s"),
        st.sampled_from("ab"),
        st.integers(0, 3),
        st.sampled_from("tu"),
        st.integers(0, 1),
        st.sampled_from("xy"),
        st.sampled_from([None, (), ("app:x",)]),
    ),
    max_size=10,
)


def delivery(numbered: tuple[int, Copy]) -> tuple[int, str, int, int]:
    place, (_, _, minute, topic_id, partition, _, _) = numbered
    return minute, topic_id, partition, place


def groups(numbered: list[tuple[int, Copy]]) -> dict[str, list[tuple[int, Copy]]]:
    """The copies of each event, first delivered first."""
    found: dict[str, list[tuple[int, Copy]]] = defaultdict(list)
    for each in sorted(numbered, key=delivery):
        found[each[1][1]].append(each)
    return found


@st.composite
def batched(draw: st.DrawFn) -> list[list[tuple[int, Copy]]]:
    """Copies in any order, cut into batches anywhere."""
    shuffled = draw(st.permutations(list(enumerate(draw(copies)))))
    cuts = sorted(draw(st.lists(st.integers(0, len(shuffled)), max_size=3)))
    return [list(shuffled[a:b]) for a, b in zip([0, *cuts], [*cuts, len(shuffled)], strict=True)]


def run(batches: list[list[tuple[int, Copy]]]) -> tuple[set[int], int, int]:
    """Places of the rows stored in the end, duplicates and conflicts over all batches."""
    stored, duplicates, conflicts = NOTHING, 0, 0
    for batch in batches:
        stored, found = keep(frame(batch), stored)
        duplicates, conflicts = duplicates + found.duplicates, conflicts + found.conflicts
    assert stored.select(EVENTS.key).is_duplicated().any() is False
    return set(places(stored)), duplicates, conflicts


@given(batched())
def test_events_and_duplicates_depend_on_the_copies_alone(batches: list[list[tuple[int, Copy]]]):
    together = [each for batch in batches for each in batch]
    by_event = groups(together)
    kept, duplicates, conflicts = run(batches)
    assert kept == {first[0][0] for first in by_event.values()}
    assert duplicates == len(together) - len(by_event)
    assert conflicts <= duplicates


@given(batched())
def test_conflicts_are_told_of_exactly_the_events_that_have_any(batches: list[list[tuple[int, Copy]]]):
    """How many depends on the batches: two later copies may agree with each other before the first one arrives."""
    for event, of_event in groups([each for batch in batches for each in batch]).items():
        alone = [[each for each in batch if each[1][1] == event] for batch in batches]
        _, _, conflicts = run(alone)
        assert (conflicts > 0) == (len({each[1][5:] for each in of_event}) > 1)


@given(copies, st.lists(st.integers(0, 10), max_size=3))
def test_conflicts_are_exact_when_copies_come_in_the_order_of_delivery(listed: list[Copy], cuts: list[int]):
    ordered = sorted(enumerate(listed), key=delivery)
    ends = sorted(min(cut, len(ordered)) for cut in cuts)
    batches = [ordered[a:b] for a, b in zip([0, *ends], [*ends, len(ordered)], strict=True)]
    by_event = groups(ordered).values()
    expected = sum(each[1][5:] != of_event[0][1][5:] for of_event in by_event for each in of_event[1:])
    assert run(batches)[2] == expected
