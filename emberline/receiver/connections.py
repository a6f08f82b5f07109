"""Limits on the connections of the receiver: their number, and the time that the headers of a request may take.

uvicorn has no timeout for headers, and its limit of connections does not close slow ones in favour of new ones. So the
state of each connection is tracked from outside: when it is opened and closed, when bytes arrive, and by a layer around
the application that answers.
"""

from __future__ import annotations

import asyncio
import time
from enum import Enum
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.auto import AutoHTTPProtocol

_EXAMINED_EVERY_S: Final = 0.5
_inner_protocol: Any = AutoHTTPProtocol

Peer = tuple[str, int]
"""Address and port at the other end, as `scope["client"]` has them."""


class State(Enum):
    """What a connection is doing: nothing, sending headers or a body, or waiting for its answer."""

    IDLE = 0
    HEAD = 1
    BODY = 2
    OWED = 3


class Connections:
    """All connections by their peer's address.

    If there are too many, the one that has been in its state longest is closed, unless it waits for an answer.
    """

    def __init__(self, most: int, head_seconds: float) -> None:
        """Limit the number of connections, and the seconds that the headers of a request may take."""
        self._most, self._head_seconds = most, head_seconds
        self._all: dict[Peer, Watched] = {}

        connections = self

        class OfThese(Watched):
            def __init__(self, **of_uvicorn: Any) -> None:
                super().__init__(connections, _inner_protocol(**of_uvicorn))

        self.protocol: type[asyncio.Protocol] = OfThese
        """The protocol class that uvicorn uses for each connection, instead of its own."""

    def __len__(self) -> int:
        return len(self._all)

    def opened(self, connection: Watched) -> None:
        """Add a new connection, and close another one if there are too many."""
        if len(self._all) >= self._most:
            others = [one for one in self._all.values() if one.state is not State.OWED]
            min(others, key=lambda one: one.since, default=connection).abort()
        self._all[connection.peer] = connection

    def closed(self, connection: Watched) -> None:
        """Forget a connection."""
        if self._all.get(connection.peer) is connection:
            del self._all[connection.peer]

    async def watch(self) -> None:
        """Close connections whose headers are not complete in time, until cancelled."""
        while True:
            await asyncio.sleep(_EXAMINED_EVERY_S)
            least = time.monotonic() - self._head_seconds
            for connection in list(self._all.values()):
                if connection.state is State.HEAD and connection.since < least:
                    connection.abort()

    def around(self, app: ASGIApp) -> ASGIApp:
        """Return the application with a layer around it that updates the state of each connection."""

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            connection = self._all.get(tuple(scope["client"])) if scope.get("client") else None
            if connection is None:
                await app(scope, receive, send)
                return

            async def received() -> Message:
                message = await receive()
                if not message.get("more_body", False):
                    connection.becomes(State.OWED)
                return message

            connection.becomes(State.BODY)
            try:
                await app(scope, received, send)
            finally:
                connection.becomes(State.IDLE)

        return watched


class Watched(asyncio.Protocol):
    """uvicorn's protocol of one connection, with its state, and since when it is in it (a time of `time.monotonic`)."""

    def __init__(self, connections: Connections, inner: asyncio.Protocol) -> None:
        """Wrap uvicorn's own protocol."""
        self._connections, self._inner = connections, inner
        self._transport: Any = None  # uvloop's are no instances of asyncio's
        self.peer: Peer = ("", 0)
        self.becomes(State.HEAD)

    def becomes(self, state: State) -> None:
        """Set the state of the connection."""
        self.state, self.since = state, time.monotonic()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection."""
        self._transport = transport
        host, port = (transport.get_extra_info("peername") or ("", id(self)))[:2]
        self.peer = (host, port)
        self._inner.connection_made(transport)
        self._connections.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._connections.closed(self)
        self._inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Pass the bytes on; if the connection was idle, a new request begins."""
        if self.state is State.IDLE:
            self.becomes(State.HEAD)
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass it on."""
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        """Pass it on."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        self._inner.resume_writing()
