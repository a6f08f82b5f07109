"""The receiver of webhooks as a daemon of this user; `up` starts it if the settings have a route."""

from emberline.embedded import daemon
from emberline.embedded.command import EmbeddedCommand
from emberline.embedded.state import StateFolder


class EmbeddedReceiver(EmbeddedCommand):
    """The webhook receiver of a state folder.

    Attributes:
        url: The address it listens on when it runs.
    """

    def __init__(self, state: StateFolder, host: str, port: int) -> None:
        """Configure it; nothing is started."""
        super().__init__(state, "receiver", "the receiver of webhooks", "receive")
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def is_up(self) -> bool:
        """Whether it runs and answers."""
        return self.address() is not None

    def address(self) -> str | None:
        """Return its URL; None if it does not answer."""
        is_up = self.process() is not None and daemon.answers_at(f"{self.url}/healthz", 2)
        return self.url if is_up else None
