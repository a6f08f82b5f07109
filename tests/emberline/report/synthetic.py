"""What a report shows of a synthetic company: every state, alerts, sales, funnels."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl

from emberline.report.contents import WEEKS, Contents, LinesInUse
from pipelines.events.control_totals import COMPARED
from pipelines.events.sequences import MISSING
from pipelines.groups.risk.lines import of_score
from pipelines.ingest.missing import by_sequence
from pipelines.ingest.short import Missing, short_by_owner
from schemas.disagreement import DISAGREEMENTS

COMPLETE = Missing(by_sequence(MISSING.to_frame()), short_by_owner(COMPARED.to_frame()))
"""Nothing is missing."""

THROUGH = dt.date(2026, 3, 1)
NOW = dt.datetime(2026, 3, 2, 9, 30, tzinfo=dt.UTC)
STATES = ("dying", "declining", "dead", "revived", "alive", "unborn", "ended")


def contents(groups: int, names: dict[int, str] | None = None, **other: Any) -> Contents:
    """The contents of a company with so many groups; names by number replace those that are made."""
    names = names or {}
    ids = [f"app:group-{number}" for number in range(1, groups + 1)]
    weeks = [
        {
            "group_id": group_id, "week": week, "speakers": (number * week) % 40, "messages": 3 * week,
            "operator_messages": 2, "joined": week % 3, "left": week % 2,
        }
        for number, group_id in enumerate(ids)
        for week in range(WEEKS)
    ]  # fmt: skip
    spells = [
        {
            "group_id": group_id, "since": THROUGH - dt.timedelta(days=200), "until": None,
            "state": STATES[number * len(STATES) // groups], "reason": "closed on 2026-01-01",
        }
        for number, group_id in enumerate(ids)
    ]  # fmt: skip
    sales = [
        {
            "group_id": group_id, "name": None, "model": "last_click", "currency": "CNY", "orders": 2, "buyers": 1,
            "paid_minor": 2000 + number, "refunded_minor": 0, "net_minor": 2000 + number, "minor_digits": 2,
        }
        for number, group_id in enumerate(ids)
    ]  # fmt: skip
    return Contents(
        made_at=NOW,
        publication={
            "version": 7,
            "published_at": NOW,
            "complete_through": THROUGH,
            "zone": "UTC",
            "is_synthetic": True,
            **other,
        },
        restated=pl.DataFrame(schema={"version": pl.Int64, "table_name": pl.String, "figures": pl.Int64}),
        groups=pl.DataFrame(
            [
                {
                    "number": number,
                    "group_id": group_id,
                    "name": names.get(number, f"Synthetic group {number}"),
                    "purpose": "sales",
                    "carrier": "app",
                    "state": STATES[(number - 1) * len(STATES) // groups],
                    "since": THROUGH,
                    "silent_days": 3,
                    "unmeasured_since": None,
                    "coverage": "full",
                    "membership": "events",
                    "risk_28": 0.5 / number,
                    "risk_56": 0.6,
                    "drivers": "the group is 90 days old (+3)",
                    "difference": DISAGREEMENTS["nothing_fell"],
                    "risk_rests_on": "15 % by the shipped model, the rest by days of silence",
                    "reason": "speakers at 3 % of usual (0.1 a day, usually 4.4); 4 left and 2 joined in 28 days",
                    "born_at": NOW,
                    "operators": 2,
                }
                for number, group_id in enumerate(ids, 1)
            ],
            schema_overrides={"unmeasured_since": pl.Date},
        ),
        weeks=pl.DataFrame(weeks),
        states=pl.DataFrame(spells, schema_overrides={"until": pl.Date}),
        alerts=pl.DataFrame(
            [
                {
                    "alert_id": 1,
                    "rule": "group_dying",
                    "subject": ids[0],
                    "severity": "critical",
                    "since": THROUGH,
                    "reason": "no member activity for 28 days since 2026-02-01",
                    "opened_at": NOW,
                    "acknowledged_by": None,
                    "resolved_at": None,
                    "outcome": "died",
                    "verdict": "useful",
                    "notes": "li: asked the host",
                    "is_of_group": True,
                }
            ],
            schema_overrides={"resolved_at": pl.Datetime("us", "UTC"), "acknowledged_by": pl.String},
        ),
        contacts=pl.DataFrame(
            [
                {
                    "group_id": ids[0],
                    "person_id": "0" * 32,
                    "why": "wrote 5 of 9 messages in 28 days, and has been silent since 2026-02-01; orders credited to "
                    "the group: 2",
                }
            ]
        ),
        done=pl.DataFrame(
            [
                {
                    "group_id": ids[0],
                    "day": THROUGH,
                    "at": NOW,
                    "action": action,
                    "origin": origin,
                    "by": None,
                    "note": note,
                }
                for action, origin, note in (("call", "noted", "<b>rang</b>"), ("red_packet", "seen", None))
            ]
        ),
        effects=pl.DataFrame(
            [
                {
                    "action": action,
                    "purpose": purpose,
                    "cases": 20,
                    "alive_again": 9,
                    "untreated": 80,
                    "untreated_share": 0.2,
                    "difference": 0.25,
                    "difference_low": -0.01,
                    "difference_high": 0.47,
                    "is_effect": is_effect,
                }
                for action, purpose, is_effect in (("call", "", False), ("offer", "sales", True))
            ]
        ),
        sold_after=pl.DataFrame(
            [
                {
                    "action": "call",
                    "purpose": "",
                    "model": "last_click",
                    "currency": "CNY",
                    "cases": 12,
                    "selling_cases": 3,
                    "untreated": 80,
                    "net_minor": 123456,
                    "untreated_minor": 20000,
                    "difference_minor": 103456,
                    "difference_low_minor": -4000,
                    "difference_high_minor": 210912,
                    "is_effect": False,
                }
            ]
        ),
        sales=pl.DataFrame(sales, schema_overrides={"minor_digits": pl.Int16, "name": pl.String}),
        sales_weeks=pl.DataFrame({"group_id": ids[:1], "week": [3], "orders": [2]}),
        segments=pl.DataFrame(
            [
                {
                    "model": "last_click",
                    "breakdown": breakdown,
                    "segment": segment,
                    "currency": "CNY",
                    "orders": 2,
                    "buyers": 1,
                    "paid_minor": net,
                    "refunded_minor": 0,
                    "net_minor": net,
                    "minor_digits": 2,
                }
                for breakdown, segment, net in (
                    ("carrier", "app", 30),
                    ("carrier", "unattributed", 10),
                    ("purpose", "sales", 30),
                    ("purpose", "unattributed", 10),
                )
            ],
            schema_overrides={"minor_digits": pl.Int16},
        ),
        model="last_click",
        funnels=pl.DataFrame(
            [
                {
                    "funnel": "standard",
                    "step_number": step,
                    "step": name,
                    "reached": reached,
                    "reached_immature": 1,
                    "rate_step": 0.5,
                    "rate_overall": reached / 100,
                    "median_seconds": 90_000.0,
                }
                for step, name, reached in ((1, "joined", 100), (2, "paid", 50))
            ]
        ),
        curves=pl.DataFrame(
            [
                {
                    "funnel": "standard",
                    "step_number": 2,
                    "step": "paid",
                    "seconds": 86_400 * day,
                    "conversion": day / 40,
                    "conversion_low": day / 50,
                    "conversion_high": day / 30,
                }
                for day in range(20)
            ]
        ),
        times=pl.DataFrame(
            {
                "funnel": ["standard"],
                "step_number": [2],
                "from_seconds": [0],
                "until_seconds": [86_400],
                "step": ["paid"],
                "reached": [50],
            }
        ),
        cohorts=pl.DataFrame(
            {"cohort": [THROUGH] * 2, "period": [0, 1], "cohort_size": [10, 10], "active": [10, None]}
        ),
        lifecycle=pl.DataFrame(
            {"start": [THROUGH], "active": [9], "new": [4], "returning": [3], "resurrecting": [2], "dormant": [1]}
        ),
        missing=COMPLETE,
        lines=LinesInUse(of_score([], 0.15), 0.275),
    )
