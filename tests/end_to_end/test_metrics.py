"""Each metric's SQL, by each of its dimensions, gives what Polars computes from the lake of one published company."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa
from kafka.admin import KafkaAdminClient

from emberline.embedded import EmbeddedPostgres
from emberline.services import Services
from emberline.settings import KafkaSettings, LakeSettings, Settings, WarehouseSettings
from emberline.simulator import Scenario, simulate
from pipelines.question import question
from schemas import operations, warehouse
from schemas.attribution import UNATTRIBUTED
from schemas.metric import Metric
from schemas.metrics import METRICS
from tests.conftest import create_topic, database_of
from tests.end_to_end.conftest import TOPICS, Pipeline
from tests.end_to_end.lake_frames import frames
from tests.end_to_end.polars_metrics import POLARS

Key = tuple[Any, ...]
A_TIME = dt.datetime(2026, 3, 1, 18, tzinfo=dt.UTC)
"""In Shanghai it is the day after."""


@dataclass
class Company:
    frames: dict[str, pl.DataFrame]
    connection: sa.Connection


@pytest.fixture(scope="module")
def company(
    kafka: str,
    kafka_admin: KafkaAdminClient,
    postgres: EmbeddedPostgres,
    run_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Company]:
    """One company, simulated, published, and read by all tests here."""
    folder: Path = tmp_path_factory.mktemp("company")
    names = {usual: create_topic(kafka_admin) for usual in TOPICS}
    with database_of(postgres, run_template) as url:
        settings = Settings(
            state=folder / "state",
            kafka=KafkaSettings(bootstrap_servers=kafka, topics={names[name]: TOPICS[name] for name in TOPICS}),
            warehouse=WarehouseSettings(url=url),  # type: ignore[arg-type]
            lake=LakeSettings(uri=str(folder / "lake")),
        )
        pipeline = Pipeline(Services(settings), names)
        pipeline.send(simulate(Scenario(seed=5, days=110, groups=12, members=300)).records)
        assert pipeline.run().is_success
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        with engine.begin() as connection:
            connection.execute(sa.insert(operations.alert), alerts())
            connection.execute(sa.insert(warehouse.restatement), restatements())
            connection.execute(sa.insert(warehouse.group_risk), risks(connection))
        services = pipeline.services
        with engine.connect() as connection:
            yield Company(frames(services.lake(), services.warehouse()), connection)
    kafka_admin.delete_topics(list(names.values()))


def alerts() -> list[dict[str, Any]]:
    """Alerts, open, acknowledged and resolved."""
    outcomes = ("died", "recovered", None)
    return [
        {
            "rule": ("group_dying", "group_silent")[number % 2],
            "subject": f"app:{number}",
            "severity": ("critical", "warning")[number % 2],
            "since": A_TIME.date(),
            "reason": "why",
            "purpose": (None, "sales")[number % 2],
            "state": None,
            "details": {},
            "opened_at": A_TIME + dt.timedelta(hours=9 * number),
            "seen_at": A_TIME,
            "told_at": A_TIME,
            "notices": 1,
            "acknowledged_at": A_TIME if number % 5 == 0 else None,
            "resolved_at": A_TIME if number % 3 else None,
            "outcome": outcomes[number % 3],
            "verdict": ("useful", "noise", None)[number % 4 % 3],
        }
        for number in range(12)
    ]


def risks(connection: sa.Connection) -> list[dict[str, Any]]:
    """Risks of the groups on two days: history is too short for a model of their own."""
    group_id = warehouse.dim_group.c.group_id
    groups = connection.execute(sa.select(group_id).where(group_id != UNATTRIBUTED)).scalars().all()
    return [
        {
            "group_id": group, "day": A_TIME.date() - dt.timedelta(days=age), "risk_28": number / 100,
            "risk_56": number / 50, "drivers": "", "model": "m1", "may_alert": number % 2 == 0,
        }
        for number, group in enumerate(groups)
        for age in range(2)
    ]  # fmt: skip


def restatements() -> list[dict[str, Any]]:
    return [
        {
            "version": 1 + number % 2, "table_name": "group_day", "key": f'{{"group_id": "app:{number}"}}',
            "figure": ("messages", "speakers")[number % 2], "period": A_TIME.date(), "before": 1, "after": 2,
            "late_events": 1, "merges": 0, "rules_changed": number % 3 == 0, "code_changed": False,
        }
        for number in range(7)
    ]  # fmt: skip


def by_sql(company: Company, metric: Metric, by: Sequence[str]) -> dict[Key, Any]:
    asked = company.connection.execute(question(metric, by, limit=100_000))
    return {tuple(row[:-1]): row[-1] for row in asked}


def by_polars(company: Company, metric: Metric, by: Sequence[str]) -> dict[Key, Any]:
    frame = company.frames[metric.dataset.name]
    if by:
        found = frame.group_by(by).agg(POLARS[metric.name].alias("a value"))
    else:
        found = frame.select(POLARS[metric.name].alias("a value"))
    return {row[:-1]: row[-1] for row in found.iter_rows()}


def number(value: Any) -> Any:
    return value if value is None or isinstance(value, dt.date) else pytest.approx(float(value), rel=1e-9)


def groupings(metric: Metric) -> list[tuple[str, ...]]:
    """What must be one value, alone and with each other dimension, and with all of them."""
    others = [name for name in metric.dimensions if name not in metric.within]
    return [metric.within, *((*metric.within, name) for name in others), (*metric.within, *others)]


def test_every_metric_is_compared():
    assert POLARS.keys() == METRICS.keys()


@pytest.mark.slow
@pytest.mark.parametrize("metric", [pytest.param(metric, id=metric.name) for metric in METRICS.values()])
def test_sql_and_polars_give_the_same_number_by_each_dimension(company: Company, metric: Metric):
    assert not company.frames[metric.dataset.name].is_empty()
    for by in groupings(metric):
        expected = by_polars(company, metric, by)
        assert by_sql(company, metric, by) == {key: number(value) for key, value in expected.items()}, by


@pytest.mark.slow
@pytest.mark.parametrize("metric", [pytest.param(metric, id=metric.name) for metric in METRICS.values()])
def test_what_adds_up_over_a_dimension_is_the_number_without_it(company: Company, metric: Metric):
    whole = by_sql(company, metric, metric.within)
    for name in metric.adds_up_over:
        sums: dict[Key, float] = {}
        for key, value in by_sql(company, metric, (*metric.within, name)).items():
            sums[key[:-1]] = sums.get(key[:-1], 0) + float(value or 0)
        assert sums == {key: pytest.approx(float(value or 0)) for key, value in whole.items()}, name


@pytest.mark.slow
def test_days_are_those_of_the_business_zone(company: Company):
    paid = METRICS["paid_orders"]
    days = company.frames["order_credit"].filter(pl.col("model") == "linear")
    first = days["day"].min()
    assert isinstance(first, dt.date)
    next_week = first + dt.timedelta(days=7)
    asked = question(paid, ["model"], {"model": ["linear"]}, since=first, until=next_week)
    expected = days.filter(pl.col("day") < next_week).select(pl.struct("shop", "order_id").n_unique()).item()
    assert [tuple(row) for row in company.connection.execute(asked)] == [("linear", expected)]


@pytest.mark.slow
def test_a_person_who_is_a_member_of_two_groups_is_one_member(company: Company):
    members = METRICS["members"]
    assert sum(by_sql(company, members, ["group_id"]).values()) > by_sql(company, members, [])[()]
