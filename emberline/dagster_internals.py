"""Private names of Dagster that this project uses; no other module imports any.

Another release of Dagster may move or change them. So pyproject.toml admits only the tested release,
`tests/emberline/test_dagster_internals.py` compares the names used here with the installed ones, and
docs/dependencies.md says what each is for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from dagster._core.errors import DagsterLaunchFailedError
from dagster._core.launcher import CheckRunHealthResult, LaunchRunContext, RunLauncher, WorkerStatus
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import ConfigurableClass, ConfigurableClassData
from starlette.types import ASGIApp

__all__ = [
    "CheckRunHealthResult",
    "ConfigurableClass",
    "ConfigurableClassData",
    "DagsterLaunchFailedError",
    "LaunchRunContext",
    "RunLauncher",
    "WorkerStatus",
    "execute_run",
    "run_request",
    "web_application",
]


def run_request(context: LaunchRunContext, instance: dg.DagsterInstance) -> str:
    """Serialize the run of this context for `execute_run` in another process.

    Raises:
        DagsterInvariantViolationError: The run has no code location.
    """
    run, origin = context.dagster_run, context.job_code_origin
    if origin is None:
        raise dg.DagsterInvariantViolationError(f"Run {run.run_id} does not say which code it is of.")
    return dg.serialize_value(ExecuteRunArgs(origin, run.run_id, instance.get_ref(), True))


def execute_run(request: str) -> None:
    """Execute a run in this process, and record it.

    Raises:
        SystemExit: The run did not succeed.
    """
    from dagster._cli.api import execute_run_command

    execute_run_command.main([request], standalone_mode=False)


@contextmanager
def web_application(instance: dg.DagsterInstance, workspace: Path) -> Iterator[ASGIApp]:
    """Create the application of Dagster's page, with the code locations of a workspace file."""
    from dagster._core.workspace.context import WorkspaceProcessContext
    from dagster._core.workspace.load_target import WorkspaceFileTarget
    from dagster_webserver.app import create_app_from_workspace_process_context

    with WorkspaceProcessContext(instance, WorkspaceFileTarget([str(workspace)])) as context:
        yield create_app_from_workspace_process_context(context)
