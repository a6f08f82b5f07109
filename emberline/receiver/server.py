"""Runs the receiver: binds its port, opens its routes, connects to Kafka, and serves until a signal ends it."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from typing import Final

import uvicorn

from emberline.json_log import Log
from emberline.receiver.app import application
from emberline.receiver.connections import Connections
from emberline.receiver.hook import Reading
from emberline.receiver.routes import open_routes
from emberline.services import Services
from emberline.settings.receive import ReceiveSettings
from pipelines.ingest.acknowledged import AcknowledgedSender, Bounds
from schemas.errors import EmberlineError

_IDLE_S: Final = 75
"""Longer than proxies keep an idle connection: the one who sends is to be the one who closes it."""
_ENDS_WITHIN_S: Final = 30
_BACKLOG: Final = 512


class PortUnusable(EmberlineError):
    """The receiver cannot listen where the settings say."""


def serve(services: Services, on_ready: Callable[[], None] = lambda: None) -> None:
    """Serve until SIGTERM or SIGINT; requests in flight are answered first.

    Args:
        services: Kafka and the settings.
        on_ready: Called once Kafka has answered and the port is bound.

    Raises:
        SettingsError: See `open_routes`.
        PortUnusable: The port is taken or may not be used.
        KafkaUnreachable, KafkaRefused: Kafka does not answer, or rejects this user, at the start.
    """
    receive, routes = services.settings.receive, open_routes(services)
    with _bound(receive) as listening:
        kafka = services.kafka()
        sender = AcknowledgedSender(kafka, Bounds(records=receive.max_waiting, seconds=receive.ack_seconds))
        kafka.create_topics({route.lane.topic for route in routes}, services.settings.kafka.partitions)
        sender.connect()
        connections = Connections(receive.max_connections, receive.head_seconds)
        reading = Reading(receive.max_body_bytes, receive.body_seconds)
        config = uvicorn.Config(
            application(routes, reading, sender, connections, Log()),
            http=connections.protocol,
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            backlog=_BACKLOG,
            timeout_keep_alive=_IDLE_S,
            timeout_graceful_shutdown=_ENDS_WITHIN_S,
        )
        on_ready()
        # uvicorn takes both while it serves, and hands them back afterwards, when all is done.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        uvicorn.Server(config).run(sockets=[listening])


def _bound(receive: ReceiveSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in receive.host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((receive.host, receive.port))
    except OSError as error:
        listening.close()
        raise PortUnusable(
            f"The receiver cannot listen on {receive.host}, port {receive.port}: {error.strerror}.",
            "End what listens there (emberline status shows a receiver of this folder), or set receive.port.",
        ) from error
    return listening
