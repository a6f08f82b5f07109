"""An API over HTTP on loopback, with faults: what each request gets is a queue of what goes wrong first."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from emberline.embedded.ports import LOOPBACK
from pipelines.carriers.pullers.base import Request
from tests.pipelines.carriers.pullers.served import Server

Fault = Callable[[], Response]


@dataclass
class Served:
    """An API that runs; `faults` are answered first, one a request."""

    url: str
    faults: deque[Fault] = field(default_factory=deque)
    requests: list[Request] = field(default_factory=list)


def failing(status: int, **headers: str) -> Fault:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda: Response("<html>no", status, named)


def broken_json() -> Response:
    return Response('{"sessions": [', media_type="application/json")


def cut_off() -> Response:
    async def half():
        yield b'{"sess'
        raise ConnectionError("gone")

    return StreamingResponse(half(), headers={"content-length": "1000"})


def huge() -> Response:
    async def chunks():
        for _ in range(100):
            await asyncio.sleep(0)
            yield b" " * 100_000

    return StreamingResponse(chunks())


def dripping() -> Response:
    async def chunks():
        for _ in range(400):
            await asyncio.sleep(0.05)
            yield b" "

    return StreamingResponse(chunks())


@contextmanager
def serving(server: Server) -> Iterator[Served]:
    """Serve a pure API until the block ends."""
    served = Served("")

    async def answered(request: HttpRequest) -> Response:
        body = await request.body()
        path = request.url.path.lstrip("/")
        query = dict(request.query_params)
        form = None
        if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            form = {name: str(value) for name, value in (await request.form()).items()}
        content = json.loads(body) if body and form is None else None
        asked = Request(path, path, query, dict(request.headers), content, form)
        served.requests.append(asked)
        if served.faults:
            return served.faults.popleft()()
        found = server(asked)
        return Response(found.body, found.status, dict(found.headers), "application/json")

    app = Starlette(routes=[Route("/{path:path}", answered, methods=["GET", "POST"])])
    config = uvicorn.Config(app, host=LOOPBACK, port=0, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 60
    while not running.started:
        assert thread.is_alive()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    served.url = f"http://{LOOPBACK}:{running.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield served
    finally:
        running.should_exit = True
        thread.join(60)
