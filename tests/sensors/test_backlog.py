"""The backlog sensor on a real instance and a real Kafka."""

import datetime as dt

import dagster as dg
import polars as pl
import pytest

from assets.resources import Clock
from emberline.services import Services
from emberline.settings import KafkaSettings, Settings
from pipelines.ingest.intake import BatchLimits
from pipelines.ingest.kafka_to_events import ingest
from pipelines.ingest.lag import backlog, partition_lags
from pipelines.ingest.raw import ingest_raw
from pipelines.lake import Lake
from pipelines.refresh import refresh_identity
from schemas.lake import IDENTITY_RULING, QUARANTINE_RULING
from sensors.backlog import kafka_backlog_sensor, runs_of

LATER = dt.timedelta(minutes=1)


@pytest.fixture
def place(kafka, topic, tmp_path):
    name = topic(2)
    settings = Settings(
        state=tmp_path / "state", kafka=KafkaSettings(bootstrap_servers=kafka, topics={name: "cloudevents"})
    )
    services = Services(settings)
    return services.kafka(), Lake(str(tmp_path / "lake")), services.rules(), name


def evaluate(place, instance, at: dt.datetime):
    connection, lake, rules, _ = place
    with dg.build_sensor_context(instance=instance) as context:
        return kafka_backlog_sensor(context, kafka=connection, lake=lake, rules=rules, clock=Clock(lambda: at))


def send(place, values: int) -> None:
    connection, _, _, name = place
    producer = connection.producer()
    for number in range(values):
        producer.send(name, value=b"{}", partition=number % 2)
    producer.close()


def test_unread_records_that_wait_ask_for_one_run_and_read_ones_for_none(place):
    connection, lake, rules, name = place
    now = dt.datetime.now(dt.UTC)
    with dg.DagsterInstance.ephemeral() as instance:
        assert isinstance(evaluate(place, instance, now + LATER), dg.SkipReason)
        send(place, 5)
        assert [lag.records for lag in partition_lags(connection, lake, [name])] == [3, 2]
        assert isinstance(evaluate(place, instance, now), dg.SkipReason)
        assert isinstance(evaluate(place, instance, now + LATER), dg.RunRequest)
        ingest(connection, lake, rules.topics, BatchLimits(), rules.decoding, rules.tolerance)
        assert backlog(connection, lake, [name]).records == 0
        assert isinstance(evaluate(place, instance, now + LATER), dg.SkipReason)


def test_records_that_another_worker_put_into_raw_ask_for_a_run_too(place):
    connection, lake, _, name = place
    send(place, 5)
    ingest_raw(connection, lake, [name], BatchLimits())
    assert backlog(connection, lake, [name]).records == 5
    with dg.DagsterInstance.ephemeral() as instance:
        assert isinstance(evaluate(place, instance, dt.datetime.now(dt.UTC)), dg.RunRequest)


def test_a_ruling_asks_for_a_run_until_one_follows_it(place):
    connection, lake, rules, name = place
    for log, follow in (
        (QUARANTINE_RULING, lambda: ingest(connection, lake, rules.topics, BatchLimits(), rules.decoding)),
        (IDENTITY_RULING, lambda: refresh_identity(lake)),
    ):
        assert backlog(connection, lake, [name]).rulings == 0
        lake.append(lake.open(log), pl.DataFrame([{"ruling": 1}], schema=log.schema), {})
        with dg.DagsterInstance.ephemeral() as instance:
            assert isinstance(evaluate(place, instance, dt.datetime.now(dt.UTC)), dg.RunRequest)
        follow()
    assert backlog(connection, lake, [name]).rulings == 0


def test_the_oldest_unread_record_gives_the_age_also_from_the_middle_of_a_batch(place):
    connection, lake, _, name = place
    send(place, 10)
    ingest_raw(connection, lake, [name], BatchLimits(rows=3))
    before = dt.datetime.now(dt.UTC)
    send(place, 1)
    oldest = backlog(connection, lake, [name]).oldest
    assert oldest is not None
    assert abs((oldest - before).total_seconds()) < 5


def test_no_run_is_asked_for_while_one_is_in_flight(place):
    send(place, 1)
    with dg.DagsterInstance.ephemeral() as instance:
        job = dg.define_asset_job("pipeline_job")
        resolved = dg.Definitions(assets=[nothing], jobs=[job]).resolve_job_def("pipeline_job")
        run = instance.create_run_for_job(resolved)
        assert runs_of(instance, "pipeline_job").in_flight == 1
        skipped = evaluate(place, instance, dt.datetime.now(dt.UTC) + LATER)
        assert isinstance(skipped, dg.SkipReason)
        assert "in flight" in str(skipped.skip_message)
        instance.report_run_canceled(run)
        assert runs_of(instance, "pipeline_job").in_flight == 0


def test_failures_in_a_row_are_counted_since_the_last_success():
    with dg.DagsterInstance.ephemeral() as instance:
        definitions = dg.Definitions(
            assets=[nothing, failing],
            jobs=[
                dg.define_asset_job("pipeline_job", selection=[nothing]),
                dg.define_asset_job("failing_job", selection=[failing]),
            ],
        )
        definitions.resolve_job_def("pipeline_job").execute_in_process(instance=instance)
        assert runs_of(instance, "pipeline_job").failures == 0
        for _ in range(2):
            definitions.resolve_job_def("failing_job").execute_in_process(instance=instance, raise_on_error=False)
        failed = runs_of(instance, "failing_job")
        assert (failed.in_flight, failed.failures) == (0, 2)
        assert failed.failed_at is not None


@dg.asset
def nothing() -> None:
    """Do nothing."""


@dg.asset
def failing() -> None:
    """Fail."""
    raise RuntimeError("as planned")
