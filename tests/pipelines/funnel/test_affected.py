"""Whose entries can differ: whoever is not named has, after any change from a day on, the entries of before."""

from __future__ import annotations

import datetime as dt
import random

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.engagement.first_seen import first_seen
from pipelines.engagement.person_day import person_day
from pipelines.events.change_log import change_log
from pipelines.funnel.funnel import funnel
from pipelines.funnel.steps import timeline
from pipelines.ingest.event_writer import BATCH
from pipelines.lake import Lake
from pipelines.refresh.affected import affected_persons
from pipelines.refresh.changes import BATCH_INPUT, IDENTITY_INPUT, MEMBER_CHANGE_INPUT, Changes, Sources
from schemas import kinds
from schemas.funnel import COUNTS, MODES, Exclusion, FunnelDefinition, standard
from schemas.lake import EVENTS, FIRST_SEEN, FUNNEL_ENTRY, TOUCHED, LakeTable
from tests.examples import examples
from tests.pipelines.funnel.samples import Event, at, definition, event, frame, numbered

WATERMARK = at(400)
STEPS = (
    "joined", "activated", "retained", "repurchased", "exposed", "exposed and product_id = 'x'",
    "exposed and person_id > 'person 2'", "not joined and type = 'message.sent'", "type = 'message.sent'",
    "type = 'link.clicked'", "type = 'order.paid'", "type = 'order.placed' or activated",
    "coalesce(joined, true) and type is not null",
)  # fmt: skip


G, H = {"group_id": "qq:g"}, {"group_id": "qq:h"}
SAYS, CLICKS, PAYS = kinds.MESSAGE_SENT, kinds.LINK_CLICKED, kinds.ORDER_PAID
JOINED = event(kinds.MEMBER_JOINED, at(0), "p", **G)
RETAINED = [JOINED, event(SAYS, at(1), "p", **G), event(SAYS, at(8), "p", **G)]
ORDER = {"order_id": "o1", "currency": "CNY", "amount_minor": 1}


def offer(days: float, group: dict[str, str]) -> Event:
    return event(SAYS, at(days), "seller", role="operator", product_id="x", **group)


EXPOSED = [*RETAINED, offer(9, G)]


class Company:
    """A lake with events as they are, and how they were before."""

    def __init__(self, uri: str, before: list[Event], after: list[Event], *, has_first_seen: bool = True) -> None:
        self._lake, self._before, self._after = Lake(uri), rows(before), rows(after)
        added = self._after.join(self._before, on="event_id", how="anti")
        gone = self._before.join(self._after, on="event_id", how="anti")
        self._put(TOUCHED, change_log(added, gone, 2))
        self._put(EVENTS, self._after.select(EVENTS.columns.keys()), {BATCH: 2})
        if has_first_seen:
            firsts = first_seen(person_day(self._after.lazy())).collect()
            self._put(FIRST_SEEN, firsts, {BATCH_INPUT: 2, IDENTITY_INPUT: 0})

    def named(self, one: FunnelDefinition) -> set[str]:
        """Who is named and, unless their own events changed, had to do with a group that a product message changed."""
        sources = Sources.of(self._lake, FUNNEL_ENTRY)
        changes = Changes.since(self._lake, sources, {BATCH_INPUT: 1, IDENTITY_INPUT: 0, MEMBER_CHANGE_INPUT: 0})
        found = affected_persons(self._lake, sources, changes, [one], entries(self._before, one))
        groups = changes.log.filter("reaches_group")["group_id"]
        members = self._after.filter(pl.col("group_id").is_in(groups.implode()))["person_id"].unique()
        return set(found.filter(pl.col("is_changed") | pl.col("person_id").is_in(members.implode()))["person_id"])

    def changed(self, one: FunnelDefinition) -> set[str]:
        """Whose entries do differ."""
        both = pl.concat([entries(self._before, one), entries(self._after, one)])
        return set(both.filter(~pl.struct(FUNNEL_ENTRY.columns.keys()).is_duplicated())["person_id"])

    def _put(self, table: LakeTable, fresh: pl.DataFrame, positions: dict[str, int] | None = None) -> None:
        self._lake.append(self._lake.open(table), fresh, positions or {})


def rows(events: list[Event]) -> pl.DataFrame:
    month = pl.col("day").dt.month_start()
    return frame(events).with_columns(month=month, batch=pl.lit(2, pl.Int64)).collect()


def entries(events: pl.DataFrame, one: FunnelDefinition) -> pl.DataFrame:
    return funnel(timeline(events.lazy()), one, WATERMARK).collect()


NAMED = {
    "a first word is a joining": ([], [event(SAYS, at(1), "p", **G)], {"p"}),
    "a word of who waits for an offer": (RETAINED, [event(SAYS, at(10), "p", **G)], set()),
    "a word of who joined and was silent": ([JOINED], [event(SAYS, at(2), "p", **G)], {"p"}),
    "a first word in another group": (RETAINED, [event(SAYS, at(10), "p", **H)], {"p"}),
    "an offer": (RETAINED, [offer(9, G)], {"p"}),
    "an offer in another group": (RETAINED, [offer(9, H)], set()),
    "a second offer": (EXPOSED, [offer(20, G)], set()),
    "an offer after the window": (RETAINED, [offer(62, G)], set()),
    "a click": (EXPOSED, [event(CLICKS, at(10), "p", **G)], {"p"}),
    "a click of who waits for an offer": (RETAINED, [event(CLICKS, at(10), "p", **G)], set()),
    "a click after the window": (EXPOSED, [event(CLICKS, at(62), "p", **G)], set()),
    "an order of who waits for a click": (EXPOSED, [event(PAYS, at(10), "p", **ORDER)], set()),
    "a late word before the entry": (EXPOSED, [event(SAYS, at(0.5), "p", **G)], {"p"}),
}


@pytest.mark.parametrize(("before", "added", "named"), NAMED.values(), ids=NAMED)
def test_who_is_named(tmp_path, before, added, named):
    everything = numbered([*before, *added])
    assert Company(str(tmp_path), everything[: len(before)], everything).named(standard()) == named


def test_where_first_activities_are_not_known_any_may_be_one(tmp_path):
    everything = numbered([*RETAINED, event(SAYS, at(10), "p", **G)])
    assert Company(str(tmp_path), everything[:3], everything, has_first_seen=False).named(standard()) == {"p"}


@pytest.mark.parametrize("is_gone", [True, False])
def test_an_offer_that_a_funnel_excludes_concerns_who_goes_on_after_it(tmp_path, is_gone):
    bought = [*RETAINED, event(PAYS, at(5), "p", **ORDER)]
    without, with_offer = numbered(bought), numbered([*bought, offer(6, G)])
    one = definition("type = 'order.paid'", "retained", window=dt.timedelta(days=20), exclude=(Exclusion("exposed"),))
    before, after = (with_offer, without) if is_gone else (without, with_offer)
    company = Company(str(tmp_path), before, after)
    assert company.changed(one) == company.named(one) == {"p"}


_FATES = "b" * 12 + "an"
"""Of events from the cut on: in both, added or gone."""


def changes(seed: int) -> tuple[list[Event], list[Event]]:
    """Events of many persons before and after: from some day on, few are new and few are gone."""
    draw = random.Random(seed)
    cut = at(draw.choice([7, 14, 15, 20]))
    history = numbered(_happened(draw) for _ in range(600))
    fates = [draw.choice(_FATES) if one["time"] >= cut else "b" for one in history]
    fated = list(zip(history, fates, strict=True))
    return [one for one, fate in fated if fate in "bn"], [one for one, fate in fated if fate in "ba"]


def _happened(draw: random.Random) -> Event:
    kind = draw.choice([kinds.MEMBER_JOINED, kinds.MEMBER_LEFT, SAYS, SAYS, SAYS, CLICKS, kinds.ORDER_PLACED, PAYS])
    person, time = f"person {draw.randrange(40)}", at(draw.randrange(4 * 28) / 4)
    group = draw.choice([G, G, H])
    if kind in {kinds.ORDER_PLACED, PAYS}:
        return event(kind, time, person, **ORDER | {"order_id": draw.choice(["o1", "o2"])})
    if kind == SAYS and draw.random() < 0.06:
        return event(kind, time, person, role="operator", product_id=draw.choice("xy"), **group)
    return event(kind, time, person, **group)


@st.composite
def definitions(draw: st.DrawFn) -> FunnelDefinition:
    when = draw(st.lists(st.sampled_from(STEPS), min_size=2, max_size=4))
    mode = draw(st.sampled_from(MODES))
    excluded = draw(st.lists(st.sampled_from(STEPS), max_size=1))
    return definition(
        *when,
        mode=mode,
        count=draw(st.sampled_from(COUNTS)),
        window=draw(st.sampled_from([dt.timedelta(days=days) for days in (2, 5, 20)])),
        hold=draw(st.sampled_from([(), (), ("group_id",)])),
        strict_increase=mode != "any_order" and draw(st.booleans()),
        exclude=tuple(Exclusion(one) for one in excluded),
    )


@examples(15)
@given(st.integers(0, 2**32), st.lists(definitions(), min_size=8, max_size=8), st.booleans())
def test_whoever_is_not_named_has_the_entries_of_before(tmp_path_factory, seed, funnels, has_first_seen):
    company = Company(str(tmp_path_factory.mktemp("company")), *changes(seed), has_first_seen=has_first_seen)
    for one in (standard(), *funnels):
        assert company.changed(one) <= company.named(one), one
