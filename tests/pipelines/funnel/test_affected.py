"""Whose entries can differ: whoever is not named has, after any change from a day on, the entries of before."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.engagement.first_seen import first_seen
from pipelines.engagement.person_day import person_day
from pipelines.events.marks import marks
from pipelines.funnel.funnel import funnel
from pipelines.funnel.steps import timeline
from pipelines.ingest.events import BATCH
from pipelines.lake import Lake
from pipelines.refresh.affected import affected_persons
from pipelines.refresh.changes import BATCH_INPUT, IDENTITY_INPUT, Changes, Sources
from schemas import kinds
from schemas.funnel import COUNTS, MODES, Exclusion, FunnelDefinition, standard
from schemas.lake import EVENTS, FIRST_SEEN, FUNNEL_ENTRY, TOUCHED
from tests.pipelines.funnel.samples import Event, at, definition, event, frame, histories, numbered

WATERMARK = at(400)
STEPS = (
    "joined", "activated", "retained", "repurchased", "exposed", "exposed and product_id = 'x'",
    "exposed and person_id = 'p'", "not joined and type = 'message.sent'", "type = 'message.sent'",
    "type = 'link.clicked'", "type = 'order.paid'", "type = 'order.placed' or activated",
    "coalesce(joined, true) and type is not null",
)  # fmt: skip


class Company:
    """A lake with events as they were and as they are, and whose entries of a funnel are said to differ."""

    def __init__(self, uri: str, before: list[Event], after: list[Event], *, has_first_seen: bool) -> None:
        self.lake, self._before, self._after = Lake(uri), rows(before), rows(after)
        added, gone = (one.join(other, on="event_id", how="anti") for one, other in self._pairs())
        lake = self.lake
        lake.append(lake.open(TOUCHED), marks(added, gone, 2), {})
        lake.append(lake.open(EVENTS), self._after.select(EVENTS.columns.keys()), {BATCH: 2})
        if has_first_seen:
            firsts = first_seen(person_day(self._after.lazy())).collect()
            lake.append(lake.open(FIRST_SEEN), firsts, {BATCH_INPUT: 2, IDENTITY_INPUT: 0})
        self.groups = pl.concat([added, gone]).filter(pl.col("product_id").is_not_null())["group_id"].drop_nulls()

    def _pairs(self) -> tuple[tuple[pl.DataFrame, pl.DataFrame], tuple[pl.DataFrame, pl.DataFrame]]:
        return (self._after, self._before), (self._before, self._after)

    def recomputed(self, one: FunnelDefinition) -> set[str]:
        """Who is named and, unless their own events changed, had to do with a group that a message changed in."""
        sources = Sources.of(self.lake)
        changes = Changes.since(self.lake, sources, {BATCH_INPUT: 1, IDENTITY_INPUT: 0})
        found = affected_persons(self.lake, sources, changes, [one], entries(self._before, one))
        groups = changes.marks.filter("reaches_group")["group_id"]
        members = self._after.filter(pl.col("group_id").is_in(groups.implode()))["person_id"].unique()
        return set(found.filter(pl.col("is_touched") | pl.col("person_id").is_in(members.implode()))["person_id"])

    def changed(self, one: FunnelDefinition) -> set[str]:
        """Whose entries do differ."""
        before, after = (entries(events, one) for events in (self._before, self._after))
        rows = pl.concat([before.with_columns(side=0), after.with_columns(side=1)])
        return set(rows.filter(~pl.struct(FUNNEL_ENTRY.columns.keys()).is_duplicated())["person_id"])


def rows(events: list[Event]) -> pl.DataFrame:
    month = pl.col("day").dt.month_start()
    return frame(events).with_columns(month=month, batch=pl.lit(2, pl.Int64)).collect()


def entries(events: pl.DataFrame, one: FunnelDefinition) -> pl.DataFrame:
    return funnel(timeline(events.lazy()), one, WATERMARK).collect()


@pytest.fixture
def changed(tmp_path_factory: pytest.TempPathFactory):
    def make(before: list[Event], after: list[Event], *, has_first_seen: bool = True) -> Company:
        uri = str(tmp_path_factory.mktemp("company"))
        return Company(uri, before, after, has_first_seen=has_first_seen)

    return make


@st.composite
def definitions(draw: st.DrawFn) -> FunnelDefinition:
    when = draw(st.lists(st.sampled_from(STEPS), min_size=2, max_size=4))
    mode = draw(st.sampled_from(MODES))
    excluded = draw(st.lists(st.sampled_from(STEPS), max_size=1))
    return definition(
        *when,
        mode=mode,
        count=draw(st.sampled_from(COUNTS)),
        window=draw(st.sampled_from([dt.timedelta(days=days) for days in (1, 7, 60)])),
        hold=draw(st.sampled_from([(), (), ("group_id",)])),
        strict_increase=mode != "any_order" and draw(st.booleans()),
        exclude=tuple(Exclusion(one) for one in excluded),
    )


@st.composite
def changes(draw: st.DrawFn) -> tuple[list[Event], list[Event]]:
    """Events before and after: from some day on, some are new and some are gone."""
    history = draw(histories(size=30))
    cut = at(draw(st.sampled_from([0, 6, 7, 8, 14, 21])))
    fates = [draw(st.sampled_from("bbban")) if one["time"] >= cut else "b" for one in history]
    fated = list(zip(history, fates, strict=True))
    return [one for one, fate in fated if fate in "bn"], [one for one, fate in fated if fate in "ba"]


@settings(max_examples=60)
@given(changes(), st.lists(definitions(), min_size=3, max_size=3), st.booleans())
def test_whoever_is_not_named_has_the_entries_of_before(tmp_path_factory, events, funnels, has_first_seen):
    company = Company(str(tmp_path_factory.mktemp("company")), *events, has_first_seen=has_first_seen)
    for one in (standard(), *funnels):
        assert company.changed(one) <= company.recomputed(one)
