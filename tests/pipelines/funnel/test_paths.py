import datetime as dt
from collections import defaultdict
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.funnel.funnel import funnel
from pipelines.funnel.paths import PATHS, NoSuchStep, paths
from pipelines.funnel.steps import timeline
from schemas.funnel import FunnelDefinition
from schemas.lake import FUNNEL_ENTRY
from tests.pipelines.funnel.samples import at, definition, frame, histories, key, on_timeline

DAY = dt.timedelta(days=1)
FIRST, LAST = "step_1", "step_2"


def story(*names: str | None, person: str = "p") -> list[dict[str, Any]]:
    """A person's events an hour apart, of these products; the first and the last are matched."""
    same = {"person_id": person, "source": "//test", "topic_id": "T", "partition": 0, "type": "product.viewed"}
    return [
        {**same, "event_id": f"{person}{n}", "time": at(n / 24), "offset": n, "product_id": name}
        for n, name in enumerate(names)
    ]


def entries(*stories: list[dict[str, Any]]) -> pl.LazyFrame:
    rows = [
        {
            "person_id": one[0]["person_id"],
            "entered_at": one[0]["time"],
            "matches": [
                {"step": s, **{n: e[n] for n in ("source", "event_id", "time")}, "group_id": "qq:g"} for s, e in matched
            ],
        }
        for one in stories
        for matched in [[(FIRST, one[0]), (LAST, one[-1])]]
    ]
    return pl.DataFrame(rows).match_to_schema(FUNNEL_ENTRY.schema, missing_columns="insert").lazy()


def two_steps(window: dt.timedelta = DAY) -> FunnelDefinition:
    return definition("joined or exposed", "type = 'order.paid'", window=window)


def walked(*stories: list[dict[str, Any]], before: str | None = LAST, window: dt.timedelta = DAY, **how: Any):
    rows = on_timeline([e for one in stories for e in one])
    found = paths(rows, entries(*stories), two_steps(window), FIRST, before, by="product_id", **how)
    return found.drop("rank").collect().rows()


def test_a_path_lies_strictly_between_the_two_steps():
    assert walked(story("a", "b", "c", "d")) == [(["b", "c"], False, 1, 1)]


def test_without_a_second_step_a_path_ends_with_the_window():
    assert walked(story("a", "b", "c", "d"), before=None, window=2 * DAY / 24) == [(["b", "c"], False, 1, 1)]


def test_two_steps_in_a_row_have_the_empty_path():
    assert walked(story("a", "b")) == [([], False, 1, 1)]


def test_an_event_without_the_property_does_not_part_repeats():
    assert walked(story("a", "b", None, "b", "c")) == [(["b"], False, 1, 1)]


@pytest.mark.parametrize(("collapse", "path"), [(True, ["b", "c", "b"]), (False, ["b", "b", "c", "b"])])
def test_repeats_are_one_or_stay(collapse: bool, path: list[str]):
    assert walked(story("a", "b", "b", "c", "b", "d"), collapse=collapse) == [(path, False, 1, 1)]


def test_a_long_path_is_cut_and_is_not_the_same_as_one_that_ends_there():
    cut, whole = story("a", "b", "c", "d", "e"), story("a", "b", "c", "d", person="q")
    assert walked(cut, whole, max_length=2) == [(["b", "c"], False, 1, 1), (["b", "c"], True, 1, 1)]


def test_what_is_not_among_the_top_is_kept_as_one_row():
    stories = [story("a", name, "z", person=f"p{n}") for n, name in enumerate("bbcd")]
    assert walked(*stories, top=1) == [(["b"], False, 2, 2), (None, None, 2, 2)]


def brute(rows: list[dict], found: list[dict], before: str | None, window: dt.timedelta, by: str, **how: Any):
    """The same, entry by entry in plain Python."""
    walks: dict[Any, list[str]] = defaultdict(list)
    for entry in found:
        matched = {m["step"]: m for m in entry["matches"]}
        if FIRST not in matched or (before and before not in matched):
            continue
        mine = sorted((row for row in rows if row["person_id"] == entry["person_id"]), key=key)
        ids = [(row["source"], row["event_id"]) for row in mine]
        begin = ids.index((matched[FIRST]["source"], matched[FIRST]["event_id"]))
        end = ids.index((matched[before]["source"], matched[before]["event_id"])) if before else len(mine)
        names: list[str] = []
        for row in mine[begin + 1 : end]:
            if row["type"] is None or row[by] is None or row["time"] > mine[begin]["time"] + window:
                continue
            if not (how["collapse"] and names and names[-1] == row[by]):
                names.append(row[by])
        walks[tuple(names[: how["max_length"]]), len(names) > how["max_length"]].append(entry["person_id"])
    ranked = sorted(walks.items(), key=lambda item: (-len(item[1]), item[0]))
    shown = [(list(path), cut, len(set(who)), len(who)) for (path, cut), who in ranked[: how["top"]]]
    others = [person for _, who in ranked[how["top"] :] for person in who]
    return shown + ([(None, None, len(set(others)), len(others))] if others else [])


@given(
    histories(),
    st.sampled_from([None, LAST]),
    st.sampled_from([DAY / 4, 7 * DAY]),
    st.sampled_from(["type", "product_id", "group_id"]),
    st.fixed_dictionaries({"collapse": st.booleans(), "max_length": st.integers(1, 3), "top": st.integers(1, 3)}),
)
def test_paths_are_those_that_walking_each_entry_gives(events, before, window, by, how):
    rows = timeline(frame(events)).collect()
    found = funnel(rows.lazy(), two_steps(7 * DAY), at(100)).collect()
    result = paths(rows.lazy(), found.lazy(), two_steps(window), FIRST, before, by=by, **how).collect()
    assert result.schema == PATHS
    assert result["rank"].to_list() == list(range(1, result.height + 1))
    assert result.drop("rank").rows() == brute(rows.to_dicts(), found.to_dicts(), before, window, by, **how)


def test_counts_of_entries_sum_to_those_that_reached_both_steps():
    stories = [story("a", *names, "z", person=f"p{n}") for n, names in enumerate(["bc", "b", "cb", "bc", ""])]
    assert sum(row[3] for row in walked(*stories, top=2)) == len(stories)


@pytest.mark.parametrize(("after", "before"), [("step_3", None), (FIRST, "stpe_2")])
def test_a_step_that_the_funnel_does_not_have_is_told(after: str, before: str | None):
    with pytest.raises(NoSuchStep, match=r"(?s)Steps: step_1, step_2"):
        paths(on_timeline([]), entries(story("a", "b")), two_steps(), after, before)
