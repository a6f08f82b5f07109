"""An event that comes late, through Kafka and Dagster's job: what it changes is noted, and nothing else."""

import datetime as dt
import json
from typing import Any

import polars as pl
import pytest

from schemas.warehouse import publication, restatement
from tests.pipelines.canonical import encoded, link, message

GROUP = "app:g"
NOON = dt.datetime(2025, 3, 3, 4, tzinfo=dt.UTC)
"""Twelve o'clock in Shanghai, a Monday."""


def said(account: str, day: int) -> dict[str, Any]:
    """A message at noon, so many days after Monday."""
    time = (NOON + dt.timedelta(days=day)).isoformat()
    return message(
        {"member_id": account, "message_id": f"{account} {day}"}, id=f"{account} {day}", time=time, subject=GROUP
    )


def sent(*events: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "topic": "group.messages",
            "key": [event["id"].encode() for event in events],
            "value": [encoded(event) for event in events],
        }
    )


@pytest.mark.soak
def test_a_late_event_and_a_late_link_restate_exactly_what_they_change(pipeline):
    warehouse = pipeline.services.warehouse()

    def noted() -> set[tuple]:
        rows = warehouse.read(restatement).filter(pl.col("version") == pl.col("version").max()).rows(named=True)
        told = ("figure", "before", "after", "late_events", "merges", "rules_changed")
        return {(r["table_name"], *json.loads(r["key"]).values(), *(r[name] for name in told)) for r in rows}

    # The feed has come to the Tuesday of the third week, so two weeks are complete.
    pipeline.send(sent(said("app:ann", 0), said("app:ann", 1), said("app:bob", 1), said("app:ann", 15)))
    assert pipeline.run().version == 1
    assert warehouse.read(publication)["complete_through"].to_list() == [dt.date(2025, 3, 17)]
    assert warehouse.read(restatement).is_empty()

    # In time: its day was never called complete.
    pipeline.send(sent(said("app:bob", 15)))
    assert pipeline.run().version == 2
    assert warehouse.read(restatement).is_empty()

    pipeline.send(sent(said("app:bob", 0)))
    assert pipeline.run().version == 3
    late = (1, 0, False)
    monday, tuesday = "2025-03-03", "2025-03-04"
    assert noted() == {
        ("group_day", monday, GROUP, "speakers", 1, 2, *late),
        ("group_day", monday, GROUP, "active_members", 1, 2, *late),
        ("group_day", monday, GROUP, "messages", 1, 2, *late),
        ("lifecycle", "day", monday, "active", 1, 2, *late),
        ("lifecycle", "day", monday, "new", 1, 2, *late),
        ("lifecycle", "day", tuesday, "new", 1, 0, *late),
        ("lifecycle", "day", tuesday, "returning", 1, 2, *late),
    }

    pipeline.send(sent(link("app:ann", "app:bob", id="link", time=(NOON + dt.timedelta(days=15)).isoformat())))
    assert pipeline.run().version == 4
    halved = (2, 1, 0, 1, False)
    assert noted() == {
        *(
            ("group_day", day, GROUP, figure, *halved)
            for day in (monday, tuesday)
            for figure in ("speakers", "active_members")
        ),
        ("lifecycle", "day", monday, "active", *halved),
        ("lifecycle", "day", monday, "new", *halved),
        ("lifecycle", "day", tuesday, "active", *halved),
        ("lifecycle", "day", tuesday, "returning", *halved),
        ("lifecycle", "day", "2025-03-05", "dormant", *halved),
        ("lifecycle", "week", monday, "active", *halved),
        ("lifecycle", "week", monday, "new", *halved),
        ("lifecycle", "week", "2025-03-10", "dormant", *halved),
        ("retention", "week", monday, 0, "cohort_size", *halved),
        ("retention", "week", monday, 0, "active", *halved),
        ("retention", "week", monday, 1, "cohort_size", *halved),
    }

    assert not pipeline.run().is_changed
    assert warehouse.read(restatement)["version"].unique().sort().to_list() == [3, 4]
