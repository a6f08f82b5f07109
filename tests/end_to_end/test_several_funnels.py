"""A funnel of the user's own runs beside the packaged one, is published with its views, and goes when its file goes."""

from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa

from assets.resources import Progress
from emberline.runner import run_pipeline
from emberline.services import Services
from emberline.settings import FunnelSettings
from emberline.simulator import Scenario, simulate
from pipelines.publish.warehouse import Warehouse
from schemas import warehouse as mart
from schemas.lake import FUNNEL_ENTRY
from tests.end_to_end.conftest import Pipeline

TALK = """\
name: talk
mode: sequential
count: persons
window: {window}
steps:
  - name: spoke
    when: type = 'message.sent'
  - name: clicked
    when: type = 'link.clicked'
breakdowns:
  - by: {by}
    touch: all_steps
    limit: 2
"""
VIEWS = (
    mart.funnel_step, mart.funnel_entry, mart.funnel_match, mart.funnel_breakdown, mart.funnel_time_to_convert,
    mart.funnel_curve, mart.funnel_trend,
)  # fmt: skip


def funnels_of(warehouse: Warehouse, table: sa.Table) -> set[str]:
    return set(warehouse.read(sa.select(table.c.funnel).distinct())["funnel"])


@pytest.mark.soak
def test_a_funnel_of_a_file_is_published_beside_the_packaged_one_until_its_file_is_gone(
    pipeline: Pipeline, tmp_path: Path
):
    file, services = tmp_path / "talk.yaml", pipeline.services
    named = services.settings.model_copy(update={"funnels": FunnelSettings(files=[str(file)])})
    pipeline.services = Services(named)
    file.write_text(TALK.format(window="7d", by="group_id"))
    pipeline.send(simulate(Scenario(seed=5, days=100, groups=16, members=200)).records)
    assert pipeline.run().is_success
    warehouse = services.warehouse()
    assert {table.name: funnels_of(warehouse, table) for table in VIEWS} == {
        table.name: {"standard", "talk"} for table in VIEWS
    }
    standard = warehouse.read(sa.select(mart.funnel_entry).where(mart.funnel_entry.c.funnel == "standard"))

    file.write_text(TALK.format(window="7d", by="carrier"))
    assert pipeline.run().is_success
    shown = warehouse.read(sa.select(mart.funnel_breakdown).where(mart.funnel_breakdown.c.funnel == "talk"))
    assert set(shown["by"]) == {"carrier"}

    assert run_pipeline(services, Progress()).is_success
    assert {table.name: funnels_of(warehouse, table) for table in VIEWS} == {
        table.name: {"standard"} for table in VIEWS
    }
    assert set(services.lake().open(FUNNEL_ENTRY).scan().collect()["funnel"]) == {"standard"}
    assert warehouse.read(mart.funnel_entry).sort(pl.all()).equals(standard.sort(pl.all()))
