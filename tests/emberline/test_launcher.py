"""Runs in processes that are warm: real processes, a real instance."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import dagster as dg
import psutil
import pytest
import yaml

from emberline.dagster_internals import WorkerStatus
from emberline.launcher import PROCESS_TAG, WarmRunLauncher
from tests.emberline.launched import working

pytestmark = pytest.mark.slow

_WITHIN_S = 600.0


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    launcher = {"run_launcher": {"module": "emberline.launcher", "class": "WarmRunLauncher"}}
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(launcher))
    with dg.DagsterInstance.from_config(str(tmp_path)) as found:
        yield found
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):  # a zombie
            if "emberline.worker" in child.cmdline():
                child.kill()


@pytest.fixture
def launch(instance: dg.DagsterInstance) -> Callable[..., str]:
    """Create a run and hand it to the launcher; what to do is given, the run's id is returned."""

    def launched(**config: object) -> str:
        job: Any = dg.reconstructable(working)
        run = instance.create_run_for_job(
            job.get_definition(),
            run_config={"ops": {"work": {"config": config}}},
            job_code_origin=job.get_python_origin(),
        )
        instance.launch_run(run.run_id, workspace=None)  # type: ignore[arg-type]
        return run.run_id

    return launched


def run_of(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRun:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run


def process_of(instance: dg.DagsterInstance, run_id: str) -> int:
    return json.loads(run_of(instance, run_id).tags[PROCESS_TAG])[1]


def ended(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    deadline = time.monotonic() + _WITHIN_S
    while not (run := run_of(instance, run_id)).is_finished:
        assert time.monotonic() < deadline, run.status
        time.sleep(0.1)
    return run.status


def until_it_runs(instance: dg.DagsterInstance, run_id: str) -> None:
    deadline = time.monotonic() + _WITHIN_S
    while not any(event.is_step_start for event in _events(instance, run_id)):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _events(instance: dg.DagsterInstance, run_id: str) -> list[dg.DagsterEvent]:
    return [entry.dagster_event for entry in instance.all_logs(run_id) if entry.dagster_event is not None]


def test_runs_one_after_the_other_share_a_process_and_one_that_failed_ends_it(
    instance: dg.DagsterInstance, launch: Callable[..., str]
):
    first = launch()
    assert ended(instance, first) is dg.DagsterRunStatus.SUCCESS
    second = launch(fails=True)
    assert ended(instance, second) is dg.DagsterRunStatus.FAILURE
    third = launch()
    assert ended(instance, third) is dg.DagsterRunStatus.SUCCESS
    [a, b, c] = [process_of(instance, run_id) for run_id in (first, second, third)]
    assert a == b != c
    assert os.getpid() not in {a, c}

    worker = instance.run_launcher._workers[-1]  # type: ignore[attr-defined]
    worker.runs.close()  # as the daemon's end does
    assert worker.process.wait(_WITHIN_S) == 0


def test_a_run_beside_another_gets_a_process_of_its_own_and_either_can_be_interrupted(
    instance: dg.DagsterInstance, launch: Callable[..., str], tmp_path: Path
):
    gate = tmp_path / "gate"
    gate.touch()
    waiting, other = launch(waits_for=str(gate)), launch(waits_for=str(gate))
    until_it_runs(instance, waiting)
    until_it_runs(instance, other)
    assert process_of(instance, waiting) != process_of(instance, other)

    # Another process of the instance is asked, as the web server is.
    assert WarmRunLauncher.terminate(_elsewhere(instance), waiting)
    assert ended(instance, waiting) is dg.DagsterRunStatus.CANCELED
    gate.unlink()
    assert ended(instance, other) is dg.DagsterRunStatus.SUCCESS
    assert not instance.run_launcher.terminate(other), "it has ended"


def test_a_run_whose_process_was_killed_is_found_to_be_lost_and_the_next_one_runs(
    instance: dg.DagsterInstance, launch: Callable[..., str], tmp_path: Path
):
    gate = tmp_path / "gate"
    gate.touch()
    lost = launch(waits_for=str(gate))
    until_it_runs(instance, lost)
    health = instance.run_launcher.check_run_worker_health
    assert health(run_of(instance, lost)).status is WorkerStatus.RUNNING
    psutil.Process(process_of(instance, lost)).kill()
    deadline = time.monotonic() + _WITHIN_S
    while health(run_of(instance, lost)).status is not WorkerStatus.NOT_FOUND:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert not instance.run_launcher.terminate(lost)
    assert ended(instance, launch()) is dg.DagsterRunStatus.SUCCESS


def test_a_tag_inherited_from_another_run_names_no_process(instance: dg.DagsterInstance):
    here = json.dumps(["another run", os.getpid(), sys.executable])
    run = instance.create_run_for_job(working, tags={PROCESS_TAG: here})
    assert instance.run_launcher.check_run_worker_health(run).status is WorkerStatus.NOT_FOUND
    assert not instance.run_launcher.terminate(run.run_id)


def test_of_a_run_that_was_started_in_another_way_nothing_is_assumed(instance: dg.DagsterInstance):
    run = instance.create_run_for_job(working)
    assert instance.run_launcher.check_run_worker_health(run).status is WorkerStatus.RUNNING


def _elsewhere(instance: dg.DagsterInstance) -> WarmRunLauncher:
    launcher = WarmRunLauncher()
    launcher.register_instance(instance)
    return launcher
