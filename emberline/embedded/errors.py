"""Errors of embedded engines, with cause, place and next step."""

from pathlib import Path

from schemas.errors import EmberlineError

_TAIL_LINES = 12
_TAIL_BYTES = 8192


class EngineError(EmberlineError):
    """An operation of an embedded engine failed; `place` is the folder, or the log that the message quotes."""

    def __init__(self, cause: str, *, place: Path, next_step: str) -> None:
        """Build the message; if `place` is a file, its last lines are quoted."""
        super().__init__(cause, next_step, "\n".join([str(place), *_quoted(place)]))
        self.file = place


class DownloadFailed(EngineError):
    """The files of an engine could not be downloaded, or have wrong digests."""


class PortTaken(EngineError):
    """No loopback port was free for an engine."""


class EngineDied(EngineError):
    """An engine's process ended, or did not become ready."""


class NotRunning(EngineError):
    """An engine does not run, and a read-only command does not start it."""


class FolderBusy(EngineError):
    """Another engine uses the same files, so no second one is started."""


class PathTooLong(EngineError):
    """The path of a state folder is too long for a socket in it."""


class PathUnfit(EngineError):
    """The path of a state folder has characters that an engine does not support."""


class FolderGone(EngineError):
    """A folder that a link in the state folder leads to does not exist."""


class ForeignFolder(EngineError):
    """A folder is not a state folder of emberline, so it is neither used nor removed."""


class NoSystemUser(EngineError):
    """Emberline runs as root and has no other user to run PostgreSQL as."""


def refuse_characters(engine: str, folder: Path, characters: str) -> None:
    """Check that the path of an engine's folder has none of these characters and no control character.

    Raises:
        PathUnfit: It has one.
    """
    if found := unfit_characters(folder, characters):
        raise PathUnfit(
            f"{engine} cannot live in a folder whose name has: {' '.join(ascii(one)[1:-1] for one in found)}",
            place=folder,
            next_step="choose a folder without with --state or EMBERLINE__STATE",
        )


def unfit_characters(folder: Path, characters: str) -> list[str]:
    """Return the characters of these, and the control characters, in a folder's path; each once."""
    return [character for character in dict.fromkeys(str(folder)) if character in characters or character < " "]


def _quoted(place: Path) -> list[str]:
    if not place.is_file():
        return []
    with place.open("rb") as log:
        log.seek(max(0, place.stat().st_size - _TAIL_BYTES))
        text = log.read().decode(errors="replace")
    return [f"  | {line}" for line in text.splitlines()[-_TAIL_LINES:]]
