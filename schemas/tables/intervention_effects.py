"""What became of groups after what the company did for them."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from schemas import warehouse
from schemas.table import COMPLETE_DAYS, as_in_warehouse, each
from schemas.tables.groups import FEED_DAY, GROUP, GROUP_DAY, GROUP_HOUR, GROUP_STATE
from schemas.tables.ingest import EVENTS, IDENTITY, IDENTITY_CHANGE, TOUCHED
from schemas.tables.interventions import INTERVENTION
from schemas.tables.members import MEMBER_CHANGE
from schemas.tables.risk import GROUP_RISK

_CASES: Final = (
    INTERVENTION.of("group_id", "at", "day", "action")
    + GROUP_STATE.of("group_id", "state", "since", "until")
    + GROUP_DAY.of("group_id", "day", "active_members", "messages", "source")
    + GROUP_HOUR.of("group_id", "day", "hour", "messages", "reactions")
    + GROUP.of("group_id", "purpose")
    + FEED_DAY.of("source", "day")
    + GROUP_RISK.of("group_id", "day", "risk_28")
)

INTERVENTION_EFFECT: Final = replace(
    as_in_warehouse(
        warehouse.intervention_effect,
        "risk",
        {
            "action": INTERVENTION.of("action"),
            "purpose": GROUP.of("purpose"),
            **each(
                (
                    "cases", "alive_again", "untreated", "untreated_share", "difference", "difference_low",
                    "difference_high", "is_effect",
                ),
                _CASES,
            ),
        },
        settings=COMPLETE_DAYS,
    ),
    guided_by=(EVENTS, IDENTITY, TOUCHED, IDENTITY_CHANGE, MEMBER_CHANGE),
)  # fmt: skip
