"""`intervention_effect` follows the complete days: what it stores is what is computed from scratch."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from pipelines.groups.interventions.cases import matched_cases
from pipelines.groups.interventions.effects import effects
from pipelines.lake import Lake
from pipelines.refresh import refresh_intervention_effects
from pipelines.refresh.written import write
from schemas.lake import (
    FEED_DAY,
    GROUP,
    GROUP_DAY,
    GROUP_HOUR,
    GROUP_RISK,
    GROUP_STATE,
    INTERVENTION,
    INTERVENTION_EFFECT,
)
from tests.pipelines.groups.interventions.world import DAYS, World, on

WORLD = World.of(4, groups=16)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake in which a world's tables are, as if they had been computed."""
    lake, past = Lake(str(tmp_path)), WORLD.past()
    tables = {
        INTERVENTION: past.interventions, GROUP_STATE: past.states, GROUP_DAY: past.group_day,
        GROUP_HOUR: past.group_hour, GROUP: past.groups, FEED_DAY: past.feed_day, GROUP_RISK: past.risks,
    }  # fmt: skip
    for table, rows in tables.items():
        write(lake, lake.open(table), rows.collect(), {})
    return lake


def stored(lake: Lake) -> pl.DataFrame:
    return lake.open(INTERVENTION_EFFECT).scan().sort(INTERVENTION_EFFECT.key).collect()


def test_another_complete_day_brings_its_cases(lake: Lake):
    assert not refresh_intervention_effects(lake, None, "UTC", 1).is_changed
    found = []
    for through in (DAYS - 25, DAYS - 1):
        refreshed = refresh_intervention_effects(lake, on(through), "UTC", 1)
        assert stored(lake).equals(effects(matched_cases(WORLD.past(through))))
        assert not refresh_intervention_effects(lake, on(through), "UTC", 1).is_changed
        found.append((refreshed.rows, stored(lake)["cases"].sum()))
    assert 0 < found[0][1] < found[1][1]
