"""The folder with everything that embedded engines store: data, logs, ports and secrets."""

import errno
import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from emberline.embedded.errors import ForeignFolder

MARKER = ".emberline-state"
_SECRET_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
_SECRET_BYTES = 24


class StateFolder:
    """A folder of emberline, readable by its owner only and recognised by a marker file.

    Attributes:
        path: The folder, absolute and free of symbolic links.
    """

    def __init__(self, path: Path, *, looks_only: bool = False) -> None:
        """Open the folder if it has the marker, else create it, also in an empty one; `looks_only`: create nothing.

        Raises:
            ForeignFolder: `path` is a file, has other files, or belongs to another user.
        """
        self.path = path.expanduser().absolute()
        try:
            self.path = self.path.resolve()
            if looks_only and not _is_there(self.path):
                return
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            # One listing, and the marker is always the first entry: so of two commands that
            # create the same folder neither takes the other's first files for foreign ones.
            entries = {entry.name for entry in self.path.iterdir()}
            if MARKER not in entries:
                if entries:
                    raise self._foreign(f"holds {len(entries)} entries and no {MARKER} file")
                if looks_only:
                    return
                self.path.chmod(0o700)
                (self.path / MARKER).touch(mode=0o600)
        except (FileExistsError, NotADirectoryError) as error:
            raise self._foreign("is not a folder") from error
        except FileNotFoundError as error:
            raise self._foreign("cannot be made there") from error
        except RuntimeError as error:  # of pathlib, up to Python 3.12
            raise self._foreign("is a link that leads in a circle") from error
        except PermissionError as error:
            raise self._foreign("cannot be read and written by this user", "let this user do so, or ") from error

    def secret(self, name: str) -> str:
        """Return the secret of this name; a random one is created at first use.

        Args:
            name: Lower-case letters, digits and dashes.

        Returns:
            32 characters that need no escaping in a URL, kept in `secrets/<name>` (mode 0600).
        """
        if not _SECRET_NAME.fullmatch(name):
            raise ValueError(f"no name for a secret: {name!r}; use lower-case letters and dashes")
        folder = self.path / "secrets"
        file = folder / name
        if file.is_file():  # all of it: see `write_private`
            return file.read_text()
        folder.mkdir(mode=0o700, exist_ok=True)
        with self.lock("secrets"):
            if not file.exists():
                write_private(file, secrets.token_urlsafe(_SECRET_BYTES))
            return file.read_text()

    def has_secret(self, name: str) -> bool:
        """Whether the secret of this name exists."""
        return (self.path / "secrets" / name).is_file()

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold the lock of this name against every other process and thread."""
        with locked(self.path / f"{name}.lock"):
            yield

    def destroy(self) -> None:
        """Remove the folder and its content; the engines must be stopped.

        Raises:
            ForeignFolder: The marker file is missing.
        """
        if not (self.path / MARKER).is_file():
            raise self._foreign(f"has no {MARKER} file, so it is not removed")
        # An engine that does not support this path has its files elsewhere, behind a link.
        for link in filter(Path.is_symlink, list(self.path.iterdir())):
            if (link / MARKER).is_file():
                shutil.rmtree(link.resolve())
        shutil.rmtree(self.path)

    def _foreign(self, finding: str, first: str = "") -> ForeignFolder:
        return ForeignFolder(
            f"{self.path} {finding}",
            place=self.path,
            next_step=f"{first}choose an empty or a new folder for the embedded services",
        )


def _is_there(path: Path) -> bool:
    """Whether a path exists; unlike `Path.exists`, this raises if the path leads through a file."""
    try:
        path.stat()
    except FileNotFoundError:
        return False
    return True


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold an exclusive lock on `file`; the kernel releases it when the process ends."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write_private(file: Path, text: str) -> None:
    """Write `text` atomically to a file that only this user can read."""
    write_whole(file, text, 0o600)


def write_whole(file: Path, content: str | bytes, mode: int = 0o666) -> None:
    """Write text in UTF-8, or bytes, atomically; the umask is applied to the mode.

    A pipe, or a device such as `/dev/null`, is written to directly.
    """
    data = content.encode() if isinstance(content, str) else content
    if file.exists() and not (file.is_file() or file.is_dir()):
        file.write_bytes(data)
        return
    if not file.name:  # "." and "/", beside which no draft can be named
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(file))
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as out:
            out.write(data)
        draft.replace(file)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        error.filename = str(file)  # a disk that is full does not say so
        raise
