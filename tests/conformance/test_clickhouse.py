"""The funnel beside ClickHouse's `windowFunnel`, on random events for which a mode of each means the same.

`docs/how-to/define-a-funnel.md` has the table of modes, and where and why they differ.
"""

import datetime as dt
import io
import random
from typing import Any

import chdb
import pyarrow as pa
import pytest

from pipelines.funnel import funnel
from tests.pipelines.funnel.samples import Event, at, definition, numbered, on_timeline

STEPS = "abcd"
WINDOW = 20
PERSONS = 1500
ORDERED = ("sequential", {}), ("sequential", {"strict_increase": True})


def events_of(seed: int, *, with_ties: bool = False, with_repeats: bool = True) -> list[Event]:
    """Each event matches one step or none; the window in minutes is short for some persons and long for others."""
    chance = random.Random(seed)
    kinds = STEPS + "x"
    events = []
    for person in range(PERSONS):
        size = chance.randint(1, 9 if with_repeats else len(kinds))
        minutes = chance.choices(range(15), k=size) if with_ties else chance.sample(range(60), size)
        some = chance.choices(kinds, k=size) if with_repeats else chance.sample(kinds, size)
        events += [
            {"person_id": f"p{person:04}", "time": at(minutes=minute), "type": kind, "source": "//test"}
            for minute, kind in zip(sorted(minutes), some, strict=True)
        ]
    return events


def ours(events: list[Event], mode: str = "sequential", **options: Any) -> dict[str, int]:
    window = dt.timedelta(minutes=WINDOW)
    chosen = definition(*(f"type = '{kind}'" for kind in STEPS), window=window, mode=mode, **options)
    entries = funnel(on_timeline(numbered(events)), chosen, at(days=100))
    return dict(entries.select("person_id", "steps_reached").collect().iter_rows())


def clickhouse(events: list[Event], *modes: str) -> dict[str, int]:
    table = pa.table(
        {
            "person": [event["person_id"] for event in events],
            "second": [int(event["time"].timestamp()) for event in events],
            "kind": [event["type"] for event in events],
        }
    )
    arguments = ", ".join([str(WINDOW * 60), *(f"'{mode}'" for mode in modes)])
    steps = ", ".join(f"kind = '{kind}'" for kind in STEPS)
    # ClickHouse finds `table` by its name.
    answer = chdb.query(
        f"SELECT toString(person) AS person, windowFunnel({arguments})(toUInt64(second), {steps}) AS level "
        f"FROM Python(table) GROUP BY person HAVING level > 0 ORDER BY person -- {table.num_rows} rows",
        "Arrow",
    )
    columns = pa.ipc.open_file(io.BytesIO(answer.bytes())).read_all().to_pydict()
    persons = (name if isinstance(name, str) else name.decode() for name in columns["person"])
    return dict(zip(persons, columns["level"], strict=True))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("mode", "options"), ORDERED, ids=["sequential", "strict_increase"])
@pytest.mark.parametrize("theirs", [(), ("strict_increase",), ("strict_once",)], ids=["default", "increase", "once"])
def test_without_ties_the_ordered_modes_agree(seed: int, mode: str, options: dict[str, Any], theirs: tuple[str, ...]):
    events = events_of(seed)
    assert ours(events, mode, **options) == clickhouse(events, *theirs)


@pytest.mark.parametrize("seed", range(4))
def test_without_repeats_strict_order_of_clickhouse_is_consecutive(seed: int):
    events = events_of(seed, with_repeats=False)
    assert ours(events, "consecutive") == clickhouse(events, "strict_order")


@pytest.mark.parametrize("seed", range(4))
def test_without_repeats_and_other_events_strict_order_of_clickhouse_is_strict_order(seed: int):
    events = [event for event in events_of(seed, with_repeats=False) if event["type"] in STEPS]
    assert ours(events, "strict_order") == clickhouse(events, "strict_order")


@pytest.mark.parametrize("seed", range(4))
def test_without_repeats_strict_deduplication_is_sequential(seed: int):
    events = events_of(seed, with_repeats=False)
    assert ours(events) == clickhouse(events, "strict_deduplication")


@pytest.mark.parametrize("seed", range(4))
def test_with_ties_clickhouse_takes_steps_in_their_order_and_we_take_events_in_theirs(seed: int):
    events = events_of(seed, with_ties=True)
    mine, theirs = ours(events), clickhouse(events)
    assert mine.keys() == theirs.keys()
    assert all(mine[person] <= theirs[person] for person in mine)
    assert mine != theirs


@pytest.mark.parametrize("seed", range(4))
def test_trap_3_with_ties_strict_increase_of_clickhouse_loses_chains_that_are_there(seed: int):
    events = events_of(seed, with_ties=True)
    mine, theirs = ours(events, strict_increase=True), clickhouse(events, "strict_increase")
    assert mine.keys() == theirs.keys()
    assert all(mine[person] >= theirs[person] for person in mine)
    assert mine != theirs
