"""The process that pulls from APIs, as a daemon of this user; `up` starts it if the settings have a pull."""

from emberline.embedded.command import EmbeddedCommand
from emberline.embedded.state import StateFolder
from emberline.json_log import STARTED


class EmbeddedPuller(EmbeddedCommand):
    """The pulling process of a state folder."""

    def __init__(self, state: StateFolder) -> None:
        """Configure the process; nothing is started."""
        super().__init__(state, "puller", "the process that pulls from APIs", "pull", "--watch")

    def is_up(self) -> bool:
        """Whether it runs and has begun to pull."""
        try:
            return self.process() is not None and f'"{STARTED}"' in self._log.read_text(errors="replace")
        except FileNotFoundError:
            return False
