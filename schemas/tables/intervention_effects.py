"""What became of groups after what the company did for them."""

from __future__ import annotations

from typing import Final

import polars as pl

from schemas import warehouse
from schemas.columns import Meaning
from schemas.table import COMPLETE_DAYS, LakeTable, as_in_warehouse, copied, each
from schemas.tables.groups import FEED_DAY, GROUP, GROUP_DAY, GROUP_HOUR, GROUP_STATE
from schemas.tables.ingest import EVENTS, IDENTITY, IDENTITY_CHANGE, TOUCHED
from schemas.tables.interventions import INTERVENTION
from schemas.tables.members import MEMBER_CHANGE
from schemas.tables.risk import GROUP_RISK
from schemas.tables.sales import CUSTOMER_ORDER, GROUP_SALES_DAY

_ALIKE: Final = (
    INTERVENTION.of("group_id", "at", "day", "action")
    + GROUP_STATE.of("group_id", "state", "since", "until")
    + GROUP_DAY.of("group_id", "day", "active_members", "messages", "source")
    + GROUP_HOUR.of("group_id", "day", "hour", "messages", "reactions")
    + GROUP.of("group_id", "purpose")
    + FEED_DAY.of("source", "day")
    + GROUP_RISK.of("group_id", "day", "risk_28")
)
_BECAME: Final = GROUP_STATE.of("group_id", "state", "since") + FEED_DAY.of("source", "day")

INTERVENTION_CASE: Final = LakeTable(
    name="intervention_case",
    group="risk",
    description="""Actions in groups in need, each with the untreated groups that it is compared with.

A row is a spell of days of an untreated group. Where that group is treated in its turn, the spell ends the day \
before, and spells of similar untreated groups replace it.""",
    columns={
        "action": pl.String(),
        "purpose": pl.String(),
        "group_id": pl.String(),
        "day": pl.Date(),
        "is_alive": pl.Boolean(),
        "other_group_id": pl.String(),
        "other_day": pl.Date(),
        "since": pl.Date(),
        "until": pl.Date(),
        "is_last": pl.Boolean(),
        "other_is_alive": pl.Boolean(),
        "weight": pl.Float64(),
    },
    key=("action", "group_id", "day", "other_group_id", "other_day", "since", "until", "is_last"),
    meanings={
        "group_id": Meaning("group in which the action was done"),
        "day": Meaning("day of the action"),
        "is_alive": Meaning("whether that group was alive on the 28th day after; null: that day is not measured"),
        "other_group_id": Meaning("untreated group"),
        "other_day": Meaning("day on which it was similar to the group of the case on the day of the action"),
        "since": Meaning("first day of the spell"),
        "until": Meaning("last day of the spell"),
        "is_last": Meaning("true if no other group replaces this one after the spell"),
        "other_is_alive": Meaning(
            "whether the untreated group was alive on the last day of a last spell; null: not last, or not measured"
        ),
        "weight": Meaning("weight of the spell in its case, those of last spells sum to 1", "share, 0 to 1"),
    },
    made_of={
        "action": INTERVENTION.of("action"),
        "purpose": GROUP.of("purpose"),
        **each(("group_id", "day", "other_group_id", "other_day", "since", "until", "is_last", "weight"), _ALIKE),
        **each(("is_alive", "other_is_alive"), _BECAME),
    },
    guided_by=(EVENTS, IDENTITY, TOUCHED, IDENTITY_CHANGE, MEMBER_CHANGE),
    settings=COMPLETE_DAYS,
    code_version=1,
)

_PAIRS: Final = INTERVENTION_CASE.of("group_id", "day", "other_group_id", "other_day", "weight")
_BECAME_OF_PAIRS: Final = _PAIRS + INTERVENTION_CASE.of("is_alive", "is_last", "other_is_alive")

INTERVENTION_EFFECT: Final = as_in_warehouse(
    warehouse.intervention_effect,
    "risk",
    {
        **copied(INTERVENTION_CASE, "action", "purpose"),
        **each(
            (
                "cases", "alive_again", "untreated", "untreated_share", "difference", "difference_low",
                "difference_high", "is_effect",
            ),
            _BECAME_OF_PAIRS,
        ),
    },
)  # fmt: skip

_SOLD: Final = (
    _PAIRS
    + INTERVENTION_CASE.of("since", "until")
    + GROUP_SALES_DAY.of("model", "group_id", "day", "currency", "net_minor")
    + CUSTOMER_ORDER.of("shop", "day")
    + FEED_DAY.of("source", "day")
)

INTERVENTION_SALES: Final = as_in_warehouse(
    warehouse.intervention_sales,
    "risk",
    {
        **copied(INTERVENTION_CASE, "action", "purpose"),
        **copied(GROUP_SALES_DAY, "model", "currency"),
        **each(
            (
                "cases", "selling_cases", "untreated", "net_minor", "untreated_minor", "difference_minor",
                "difference_low_minor", "difference_high_minor", "is_effect",
            ),
            _SOLD,
        ),
    },
)  # fmt: skip
