"""`python -m emberline.web_server WORKSPACE PORT`: Dagster's web server on the loopback interface, behind `web_guard`.

Dagster's own command listens on a port that every user of the machine can reach, even behind a guard, and cannot listen
on a socket of this user. So its application runs here, in the same process as the guard.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import dagster as dg
import uvicorn
from starlette.types import ASGIApp

from emberline.dagster_internals import web_application
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
    workspace, port = Path(sys.argv[1]), int(sys.argv[2])
    services = Services(load_settings())
    with dg.DagsterInstance.get() as instance:
        instance.optimize_for_webserver(_STATEMENT_MS, _RECYCLE_S, _MOST_CONNECTIONS)
        with web_application(instance, workspace) as app:
            uvicorn.run(_guarded(app, services, port), host=LOOPBACK, port=port, log_level="warning")


def _guarded(app: ASGIApp, services: Services, port: int) -> ASGIApp:
    settings = services.settings.dagster
    if not settings.guard:
        return app
    return WebGuard(app, token=services.state.secret(WEB_SECRET), port=port, hosts=settings.hosts)


if __name__ == "__main__":
    main()
