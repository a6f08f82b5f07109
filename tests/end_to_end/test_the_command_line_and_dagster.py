"""What a run of the command line leaves on the terminal and on Dagster's page."""

import logging
import signal

import dagster as dg
import polars as pl
import pytest

from assets.resources import Progress
from emberline.instance import dagster_instance
from emberline.runner import run_pipeline
from schemas.errors import EmberlineError
from sensors.jobs import follow_job
from tests.end_to_end.test_restatement import said, sent


def test_runs_say_who_launched_them_and_leave_nothing_of_dagsters_on_the_terminal(
    pipeline, capfd: pytest.CaptureFixture[str]
):
    pipeline.send(sent(said("app:ann", 0), said("app:bob", 1)))
    assert pipeline.run().is_success
    again = pipeline.run()  # nothing is new, so `stage` skips, and its checks give no result
    assert again.is_success
    assert not again.is_changed
    followed = run_pipeline(pipeline.services, Progress(), follow_job.name)
    assert followed.is_success
    assert "asset check" not in capfd.readouterr().err
    with dagster_instance(pipeline.services) as instance:
        found = [instance.get_run_by_id(one.run_id) for one in (again, followed)]
    assert [run.tags["user"] for run in found if run] == ["emberline run", "emberline rebuild"]
    assert pl.Series([key for run in found if run for key in run.tags]).unique().sort().to_list() == ["user"]


def test_the_page_of_an_asset_shows_a_plot_of_its_figures(pipeline):
    pipeline.send(sent(said("app:ann", 0), said("app:bob", 1)))
    assert pipeline.run().is_success
    with dagster_instance(pipeline.services) as instance:
        events = {
            name: instance.get_latest_materialization_event(dg.AssetKey(["mart", name]))
            for name in ("funnel_step", "retention", "group_state", "group_day")
        }
    found = {name: event and event.asset_materialization for name, event in events.items()}
    plots = {name: materialization.metadata.get("plot") for name, materialization in found.items() if materialization}
    assert plots.keys() == events.keys()
    assert [name for name, plot in plots.items() if plot is None] == ["group_day"]


def test_a_signal_within_a_step_interrupts_the_run_and_the_next_one_goes_on(pipeline):
    pipeline.send(sent(said("app:ann", 0), said("app:bob", 1)))
    with pytest.raises(KeyboardInterrupt):
        run_pipeline(pipeline.services, Progress(lambda *_: signal.raise_signal(signal.SIGINT)))
    with dagster_instance(pipeline.services) as instance:
        assert [record.dagster_run.status.value for record in instance.get_run_records()] == ["FAILURE"]
    assert pipeline.run().totals.events == 2


def test_a_failed_run_lists_what_failed_and_no_error_for_each_step_after_it(pipeline):
    def refuse(*_: object) -> None:
        raise EmberlineError("There is no room.", "Make room.")

    pipeline.send(sent(said("app:ann", 0), said("app:bob", 1)))
    failed = run_pipeline(pipeline.services, Progress(refuse))
    assert failed.failure is not None
    assert "There is no room." in failed.failure.text
    with dagster_instance(pipeline.services) as instance:
        errors = [entry for entry in instance.all_logs(failed.run_id) if int(entry.level) >= logging.ERROR]
    assert [entry.dagster_event_type for entry in errors] == [
        dg.DagsterEventType.STEP_FAILURE,
        dg.DagsterEventType.RUN_FAILURE,
    ]
