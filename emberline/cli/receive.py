"""The command `receive`: send webhooks to Kafka until stopped."""

from __future__ import annotations

from emberline.cli.app import app, configured
from emberline.cli.output import print_line


@app.command()
def receive() -> None:
    """Receive webhooks on the routes of the settings and send them to Kafka, until stopped."""
    from emberline.receiver.server import serve

    services = configured()
    where = services.settings.receive
    serve(services, lambda: print_line(f"Receiving on http://{where.host}:{where.port}", whole=True))
