"""`kafka_backlog_sensor`: starts a run when Kafka has records that the lake does not."""

from __future__ import annotations

import datetime as dt

import dagster as dg

from assets.resources import Clock, Rules
from pipelines.ingest.connection import KafkaConnection
from pipelines.ingest.lag import backlog
from pipelines.lake import Lake
from pipelines.operations.backlog import Runs, StartPolicy, decide_ingest
from sensors.jobs import pipeline_job
from sensors.schedule import newest_scheduled

_IN_FLIGHT = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_LOOKED_AT = 20


@dg.sensor(
    job=pipeline_job,
    minimum_interval_seconds=2,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts one run when there are many unread records in Kafka, or an old one; none while a run is in "
    "flight.",
)
def kafka_backlog_sensor(
    context: dg.SensorEvaluationContext,
    kafka: dg.ResourceParam[KafkaConnection],
    lake: dg.ResourceParam[Lake],
    rules: dg.ResourceParam[Rules],
    clock: dg.ResourceParam[Clock],
) -> dg.RunRequest | dg.SkipReason:
    """Decide on a run; positions are stored with the lake's data, so a lost cursor or tick loses nothing."""
    runs = runs_of(context.instance, pipeline_job.name)
    found, now = None if runs.in_flight else backlog(kafka, lake, rules.topics), clock.now()
    decision = decide_ingest(found, runs, StartPolicy(), now, newest_scheduled(rules, now))
    return dg.RunRequest() if decision.act else dg.SkipReason(decision.reason)


def runs_of(instance: dg.DagsterInstance, *jobs: str) -> Runs:
    """Return the runs in flight of any job (all write), and failures of these jobs since their last success."""
    in_flight = instance.get_runs_count(dg.RunsFilter(statuses=_IN_FLIGHT))
    statuses = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
    filters = [dg.RunsFilter(job_name=job, statuses=statuses) for job in jobs]
    found = [record for wanted in filters for record in instance.get_run_records(wanted, limit=_LOOKED_AT)]
    ended = sorted(found, key=lambda record: record.end_time or 0, reverse=True)
    failures = 0
    while failures < len(ended) and ended[failures].dagster_run.status is dg.DagsterRunStatus.FAILURE:
        failures += 1
    end_time = ended[0].end_time if failures else None
    return Runs(in_flight, None if end_time is None else dt.datetime.fromtimestamp(end_time, dt.UTC), failures)
