"""A service on the loopback interface that takes what Apprise sends as JSON, and can be down."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver:
    """Counts what it is asked; takes it while `accepts` is true. Messages have `title` and `message`.

    It answers nobody while it `stalls`.
    """

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.asked = 0
        self.accepts = True
        self.stalls = False
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.asked += 1
                message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                while receiver.stalls:
                    time.sleep(0.05)
                if receiver.accepts:
                    receiver.messages.append(message)
                self.send_response(200 if receiver.accepts else 503)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        """As Apprise spells it."""
        return f"json://127.0.0.1:{self._server.server_port}/"

    @property
    def text(self) -> str:
        """All messages received."""
        return "\n".join(f"{message['title']}\n{message['message']}" for message in self.messages)

    @contextmanager
    def running(self) -> Iterator[Receiver]:
        """Listen until the block ends."""
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()
