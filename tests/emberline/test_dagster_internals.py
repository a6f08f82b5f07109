"""What is used of Dagster without a public name is as it was in the release that was tested."""

from __future__ import annotations

import inspect
from typing import Any

import dagster as dg
import pytest
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster._grpc.types import ExecuteRunArgs

from emberline import dagster_internals as internals

CHANGED = (
    f"Dagster {dg.__version__} has changed this. Read what it does now, bring emberline/dagster_internals.py and what "
    "calls it along, then this table."
)
GIVEN = [
    (ExecuteRunArgs, ("job_origin", "run_id", "instance_ref", "set_exit_code_on_failure")),
    (WorkspaceProcessContext, ("instance", "workspace_load_target")),
    (internals.CheckRunHealthResult, ("status", "msg")),
    (internals.RunLauncher.launch_run, ("self", "context")),
    (internals.RunLauncher.terminate, ("self", "run_id")),
    (internals.RunLauncher.check_run_worker_health, ("self", "run")),
    (internals.ConfigurableClass.from_config_value, ("inst_data", "config_value")),
    (internals.ConfigurableClass.config_type, ()),
]


@pytest.mark.parametrize(("called", "given"), GIVEN, ids=lambda value: getattr(value, "__qualname__", ""))
def test_what_is_called_takes_what_it_is_given_and_needs_no_more(called: Any, given: tuple[str, ...]):
    parameters = list(inspect.signature(called).parameters.values())
    assert tuple(one.name for one in parameters[: len(given)]) == given, CHANGED
    needed = [one.name for one in parameters[len(given) :] if one.default is inspect.Parameter.empty]
    assert not needed, CHANGED


def test_a_launcher_has_to_define_what_ours_defines_and_no_more():
    assert internals.RunLauncher.__abstractmethods__ == {"launch_run", "terminate"}, CHANGED
    defined = {"inst_data", "config_type", "from_config_value"}
    assert internals.ConfigurableClass.__abstractmethods__ == defined, CHANGED


def test_a_launcher_is_handed_the_run_and_its_code_and_answers_whether_its_process_lives():
    assert {"dagster_run", "job_code_origin"} <= set(dir(internals.LaunchRunContext)), CHANGED
    assert {"RUNNING", "NOT_FOUND"} <= set(internals.WorkerStatus.__members__), CHANGED


def test_a_workspace_is_read_from_the_files_it_is_given():
    assert WorkspaceFileTarget(["workspace.yaml"]).paths == ["workspace.yaml"], CHANGED
