"""`python -m emberline.web_server WORKSPACE PORT`: Dagster's web server on the loopback interface, behind `web_guard`.

Dagster's own command listens on a port that every user of the machine reaches, whatever stands before it, and cannot
listen on a socket of this user. So its application is run here, in the same process as the guard.
"""

from __future__ import annotations

import sys
from typing import Final

import dagster as dg
import uvicorn
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster_webserver.app import create_app_from_workspace_process_context
from starlette.types import ASGIApp

from emberline.embedded.dagster import WEB_SECRET
from emberline.embedded.ports import LOOPBACK
from emberline.services import Services
from emberline.settings import load_settings
from emberline.web_guard import WebGuard

# As Dagster's own command has them.
_STATEMENT_MS: Final = 15_000
_RECYCLE_S: Final = 3_600
_MOST_CONNECTIONS: Final = 20


def main() -> None:
    """Serve until a signal ends it."""
    workspace, port = sys.argv[1], int(sys.argv[2])
    services = Services(load_settings())
    with dg.DagsterInstance.get() as instance:
        instance.optimize_for_webserver(_STATEMENT_MS, _RECYCLE_S, _MOST_CONNECTIONS)
        with WorkspaceProcessContext(instance, WorkspaceFileTarget([workspace])) as context:
            app: ASGIApp = create_app_from_workspace_process_context(context)
            uvicorn.run(_guarded(app, services, port), host=LOOPBACK, port=port, log_level="warning")


def _guarded(app: ASGIApp, services: Services, port: int) -> ASGIApp:
    settings = services.settings.dagster
    if not settings.guard:
        return app
    return WebGuard(app, token=services.state.secret(WEB_SECRET), port=port, hosts=settings.hosts)


if __name__ == "__main__":
    main()
