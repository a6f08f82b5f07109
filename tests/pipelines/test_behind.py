"""Whatever is materialized by hand between whatever ticks: what the data calls behind brings all of it up to date."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from emberline.definitions import build_defs
from pipelines.engagement.person_day import person_day
from pipelines.groups.group_day import group_day
from pipelines.groups.staff_act import staff_act
from pipelines.groups.staff_day import staff_day
from pipelines.lake import Lake
from pipelines.publish.rows import is_mart_behind, lake_state
from pipelines.refresh import (
    FactRules,
    facts_behind,
    refresh_contacts,
    refresh_conversion_paths,
    refresh_credit,
    refresh_days,
    refresh_feed_days,
    refresh_first_seen,
    refresh_funnel_summaries,
    refresh_funnels,
    refresh_group_engagement,
    refresh_group_network,
    refresh_groups,
    refresh_identity,
    refresh_intervention_cases,
    refresh_intervention_effects,
    refresh_intervention_sales,
    refresh_interventions,
    refresh_life,
    refresh_lifecycle,
    refresh_matched,
    refresh_member_changes,
    refresh_member_state,
    refresh_orders,
    refresh_person_paths,
    refresh_person_value,
    refresh_retention,
    refresh_revenue_cohorts,
    refresh_risk,
    refresh_sales,
    refresh_segments,
    refresh_spend_days,
    refresh_spend_return,
)
from schemas import kinds
from schemas.lake import FACTS, GROUP_DAY, GROUP_HOUR, PERSON_DAY, STAFF_ACT, STAFF_DAY
from sensors.follow import with_dependents
from tests.examples import examples
from tests.pipelines.test_incremental import (
    ATTRIBUTION,
    COHORTS,
    LIFE,
    UNITS,
    Company,
    by_hour,
    happened,
    listed,
    said,
    spent,
)

MART: Final = "mart/group_day"
"""Stands for all of the warehouse, which is staged, checked and published together."""

ZONE: Final = "Asia/Shanghai"
RETRAIN: Final = 91
GRAPH: Final = build_defs().resolve_asset_graph()
ORDER: Final = (
    *(
        "identity",
        "member_change",
        "person_day",
        "group_day",
        "group_hour",
        "staff_day",
        "group_network",
        "first_seen",
        "retention",
        "lifecycle",
        "member_state",
        "funnel_entry",
    ),
    *(
        "order_credit",
        "order_refund",
        "person_value",
        "revenue_cohort",
        "group",
        "person_path",
        "conversion_path",
        "segment_activity",
        "feed_day",
        "staff_act",
        "intervention",
        "group_health",
        "contact",
        "group_risk",
        "intervention_case",
        "intervention_effect",
        "group_engagement",
    ),
    *("matched_event", "funnel_step", "group_sales", "intervention_sales", "spend_day", "spend_return", MART),
)
"""What is materialized together, in an order in which each comes after what it depends on."""

SENT: Final = (
    [said("app:a", 9), said("app:b", 9, 1), said("app:c", 9, 2), said("app:a", 9, 3)],
    [said("app:b", 5), said("app:op", 4, role="operator", product_id="x")],
    [happened(kinds.ORDER_PAID, 2, source="shop", member_id="app:a", order_id="o", total_minor=100, currency="CNY")],
    [happened(kinds.IDENTITY_LINKED, 1, member_id="app:a", linked_id="app:b"), listed(9, "app:a")],
    [said("app:c", 0), listed(3, "app:b"), spent(4, 30)],
)


@dataclass
class Followed(Company):
    """A company, what is published of it, and the run that a tick requested."""

    settings: dict[str, int] = field(default_factory=lambda: {table.name: 1 for table in FACTS if table.settings})
    published: int | None = None
    requested: frozenset[str] = frozenset()
    arrived: int = field(default=0)

    def arrive(self) -> None:
        """The next events are ingested."""
        self.send(*SENT[self.arrived % len(SENT)])
        self.arrived += 1

    def materialize(self, name: str) -> None:
        """What an asset of this name does."""
        lake, through, settings = self.lake, self.through, self.settings
        does: dict[str, Callable[[], object]] = {
            "identity": lambda: refresh_identity(lake),
            "person_day": lambda: refresh_days(lake, PERSON_DAY, person_day),
            "group_day": lambda: refresh_days(lake, GROUP_DAY, group_day),
            "group_hour": lambda: refresh_days(lake, GROUP_HOUR, by_hour, settings["group_hour"]),
            "staff_day": lambda: refresh_days(lake, STAFF_DAY, staff_day),
            "first_seen": lambda: refresh_first_seen(lake),
            "retention": lambda: refresh_retention(lake, COHORTS, through(), settings["retention"]),
            "lifecycle": lambda: refresh_lifecycle(lake, UNITS, through(), settings["lifecycle"]),
            "member_state": lambda: refresh_member_state(lake, through(), settings["member_state"]),
            "funnel_entry": lambda: refresh_funnels(lake, self.funnels, self.reached(), settings["funnel_entry"]),
            "order_credit": lambda: refresh_credit(lake, ATTRIBUTION, settings["order_credit"]),
            "order_refund": lambda: refresh_orders(lake),
            "person_value": lambda: refresh_person_value(lake, through(), ZONE, settings["person_value"]),
            "revenue_cohort": lambda: refresh_revenue_cohorts(lake, through(), settings["revenue_cohort"]),
            "group": lambda: refresh_groups(lake),
            "person_path": lambda: refresh_person_paths(lake, ATTRIBUTION.look_back, settings["person_path"]),
            "conversion_path": lambda: refresh_conversion_paths(
                lake, through(), ZONE, ATTRIBUTION.look_back, settings["conversion_path"]
            ),
            "segment_activity": lambda: refresh_segments(lake, through(), settings["segment_activity"]),
            "member_change": lambda: refresh_member_changes(lake),
            "feed_day": lambda: refresh_feed_days(lake),
            "contact": lambda: refresh_contacts(lake),
            "staff_act": lambda: refresh_days(lake, STAFF_ACT, staff_act),
            "intervention": lambda: refresh_interventions(lake, ZONE, LIFE, settings["intervention"]),
            "group_health": lambda: refresh_life(lake, through(), ZONE, LIFE, settings["group_state"]),
            "group_risk": lambda: refresh_risk(lake, through(), RETRAIN, settings["group_risk"]),
            "intervention_case": lambda: refresh_intervention_cases(
                lake, through(), ZONE, settings["intervention_case"]
            ),
            "intervention_effect": lambda: refresh_intervention_effects(lake),
            "intervention_sales": lambda: refresh_intervention_sales(lake),
            "group_engagement": lambda: refresh_group_engagement(lake),
            "matched_event": lambda: refresh_matched(lake),
            "funnel_step": lambda: refresh_funnel_summaries(lake, self.funnels, ZONE, settings),
            "group_sales": lambda: refresh_sales(lake, ZONE, settings),
            "group_network": lambda: refresh_group_network(lake, through(), settings["group_network"]),
            "spend_day": lambda: refresh_spend_days(lake),
            "spend_return": lambda: refresh_spend_return(lake),
            MART: self.publish,
        }
        does[name]()

    def publish(self) -> None:
        self.published = lake_state(self.lake)

    def behind(self) -> frozenset[str]:
        rules = FactRules(self.settings, self.funnels, self.reached(), self.through())
        return facts_behind(self.lake, rules) | ({MART} if is_mart_behind(self.lake, self.published) else set())

    def tick(self) -> None:
        """Request what is behind and all that depends on it, unless a run is in flight."""
        if not self.requested:
            self.requested = frozenset(key.to_user_string() for key in with_dependents(GRAPH, self.behind()))

    def run(self) -> None:
        """Carry out what was requested."""
        for name in ORDER:
            if name in self.requested:
                self.materialize(name)
        self.requested = frozenset()


def change_settings(company: Followed) -> None:
    company.settings = {name: number + 1 for name, number in company.settings.items()}


STEPS: Final[dict[str, Callable[[Followed], None]]] = {
    "events": Followed.arrive,
    "settings": change_settings,
    "tick": Followed.tick,
    "run": Followed.run,
    **{name: lambda company, name=name: company.materialize(name) for name in ORDER},
}
LIKELY: Final = st.one_of(st.sampled_from(["events", "tick", "run"]), st.sampled_from(sorted(STEPS)))


@examples(15)
@given(steps=st.lists(LIKELY, min_size=1, max_size=10))
@example(steps=["tick", "run", "events", "identity", "tick", "person_day", "run", "group_day", "tick", "run"])
@example(steps=["tick", "run", "events", "tick", "run", "events", "tick", "events", MART, "run", MART])
def test_in_any_order_one_tick_and_its_run_bring_all_up_to_date_and_the_next_requests_nothing(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
):
    company = Followed(Lake(str(tmp_path_factory.mktemp("company"))))
    company.arrive()
    for step in steps:
        STEPS[step](company)
    company.run()  # of what may still be requested
    company.tick()
    company.run()
    assert company.behind() == frozenset()
    company.assert_exact()
    assert not is_mart_behind(company.lake, company.published)


def test_what_is_called_behind_are_facts_of_the_graph_and_all_of_them_at_first(tmp_path: Path):
    company = Followed(Lake(str(tmp_path)))
    company.arrive()
    assert company.behind() - {MART} == {table.name for table in FACTS}
