"""Entries made by hand and by hypothesis, several a person among them, for what is read off entries."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
from hypothesis import strategies as st

from schemas.funnel import FunnelDefinition, Step
from schemas.lake import FUNNEL_ENTRY
from tests.pipelines.funnel.samples import at

Entry = dict[str, Any]

WINDOW = dt.timedelta(days=10)
ABC = FunnelDefinition(
    "abc", "", "sequential", "persons", WINDOW, tuple(Step(name, f"type = '{name}'") for name in "abc")
)


def entry(entered: float, *waits: float, person: str = "p", mature: bool = True, events: str = "") -> Entry:
    """Entered so many days after the Monday of the samples, with further steps so many days after that.

    `events` names the matched events, a letter each; by default the steps' own names.
    """
    times = [at(entered + wait) for wait in (0, *waits)]
    names = events or "abc"
    return {
        "funnel": "abc",
        "person_id": person,
        "entry": 1,
        "entered_at": times[0],
        "steps_reached": len(times),
        "is_mature": mature,
        "matches": [
            {"step": "abc"[number], "source": "//test", "event_id": names[number], "time": time}
            for number, time in enumerate(times)
        ],
    }


def frame_of(*entries: Entry) -> pl.LazyFrame:
    return pl.LazyFrame(list(entries), schema=FUNNEL_ENTRY.schema)


@st.composite
def entry_lists(draw: st.DrawFn, events: str = "abcdef") -> list[Entry]:
    """Entries of two persons, ties and repetitions among them, whose matches are events of these names."""
    waits = st.lists(st.sampled_from([0, 0.001, 0.5, 1, 3, 9.5, 10]), max_size=2).map(sorted)
    one = st.builds(
        lambda entered, waits, person, mature, names: entry(
            entered, *waits, person=person, mature=mature, events="".join(names)
        ),
        st.sampled_from([0, 0.9, 1, 6.9, 7, 30, 31, 45]),
        waits,
        st.sampled_from("pq"),
        st.booleans(),
        st.lists(st.sampled_from(events), min_size=3, max_size=3),
    )
    return draw(st.lists(one, max_size=12))
