"""The receiver as one ASGI application: its routes, and endpoints for monitoring."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route as Path
from starlette.types import ASGIApp

from emberline.json_log import STARTED, Log
from emberline.receiver.connections import Connections
from emberline.receiver.hook import Hook, Reading, Route
from emberline.receiver.metrics import CONTENT_TYPE, Metrics
from pipelines.ingest.acknowledged import AcknowledgedSender


def application(
    routes: Sequence[Route], reading: Reading, sender: AcknowledgedSender, connections: Connections, log: Log
) -> ASGIApp:
    """Put routes and endpoints together; the sender starts and stops with the application."""
    metrics = Metrics(lambda: sender.waiting, lambda: len(connections))

    def healthy(_: Request) -> Response:
        return PlainTextResponse("ok")

    def ready(_: Request) -> Response:
        return PlainTextResponse("ready") if sender.is_ready else PlainTextResponse("Kafka is away", 503)

    def measured(_: Request) -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        sender.start()
        watching = asyncio.create_task(connections.watch())
        log.write(STARTED)
        yield
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        await sender.stop()
        log.write("stopped")

    own = [Path("/healthz", healthy), Path("/readyz", ready), Path("/metrics", measured)]
    hooks = [Path(one.path, Hook(one, reading, sender, metrics, log)) for one in routes]
    return connections.around(Starlette(routes=[*hooks, *own], lifespan=lifespan))
