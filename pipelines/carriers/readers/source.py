"""Sources of exports: a file, a folder, a ZIP or a file in a ZIP. All are read as streams, nothing is unpacked to disk.

A folder or an archive is refused as a whole if it has a link or a path that leads outside, or unpacks to many times its
size.
"""

from __future__ import annotations

import stat
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import IO, Final

from schemas.errors import EmberlineError

MOST_FILES: Final = 200_000
MOST_RATIO: Final = 200
"""Most times its size that an archive may unpack to; texts and JSON stay below a tenth of that."""

_ALWAYS_ALLOWED: Final = 64 * 1024 * 1024
"""Bytes that an archive of any size may unpack to."""

HEAD_BYTES: Final = 1024 * 1024


class UnsafeSource(EmberlineError):
    """An archive or a folder has a path that leads outside, has a link, or unpacks to too many bytes."""


class UnreadableSource(EmberlineError):
    """A file, folder or archive cannot be read."""


class Source(ABC):
    """A file, or a container of files.

    Attributes:
        name: The last part of its path.
        place: Its name in errors.
        size: Unpacked bytes.
        stamp: Changes with the file on disk.
    """

    name: str
    place: str
    size: int
    stamp: str

    @cached_property
    def files(self) -> Mapping[str, Source]:
        """The files of a container by relative path, in order of paths; a file has none."""
        return {}

    @property
    def is_container(self) -> bool:
        """Whether it contains files."""
        return False

    @property
    def stem(self) -> str:
        """The name without its suffix."""
        return PurePosixPath(self.name).stem

    @property
    def suffix(self) -> str:
        """The suffix of the name, lower case."""
        return PurePosixPath(self.name).suffix.lower()

    @abstractmethod
    def open(self) -> AbstractContextManager[IO[bytes]]:
        """Open a file for reading.

        Raises:
            UnreadableSource: it cannot be read, or is truncated.
        """

    @cached_property
    def head(self) -> bytes:
        """Return the first bytes of a file, at most `HEAD_BYTES`; a container has none."""
        if self.is_container:
            return b""
        with self.open() as file:
            return file.read(HEAD_BYTES)


def source_of(path: Path) -> Source:
    """Return the source at a path: a file, a folder or, by its content, a ZIP.

    Raises:
        UnreadableSource: it does not exist or cannot be read.
    """
    with _readable(str(path)):
        kind = path.stat().st_mode
        if stat.S_ISDIR(kind):
            return _Folder(path)
        if not stat.S_ISREG(kind):
            raise UnreadableSource(f"{path} is neither a file nor a folder.", "Give the export as it was written.")
        return _Archive(path) if zipfile.is_zipfile(path) else _File(path, str(path))


class _File(Source):
    def __init__(self, path: Path, place: str) -> None:
        self._path, self.name, self.place = path, path.name, place
        self.size, self.stamp = path.stat().st_size, _stamp(path)

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        with _readable(self.place), self._path.open("rb") as file:
            yield file


class _Container(Source):
    @property
    def is_container(self) -> bool:
        return True

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        raise UnreadableSource(f"{self.place} holds files, and is none.", "Give one of its files.")
        yield

    @cached_property
    def size(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride] - known after the files are
        return sum(file.size for file in self.files.values())


class _Folder(_Container):
    def __init__(self, path: Path) -> None:
        self._path, self.name, self.place = path, path.resolve().name, str(path)

    @cached_property
    def files(self) -> Mapping[str, Source]:
        found: dict[str, Source] = {}
        with _readable(self.place):
            for path in sorted(self._path.rglob("*")):
                if path.is_symlink():
                    raise UnsafeSource(
                        f"The folder holds a link, {path.name}.",
                        "Take the link out, or give what it leads to.",
                        str(path),
                    )
                if path.is_file():
                    found[path.relative_to(self._path).as_posix()] = _File(path, str(path))
                _refuse_too_many(len(found), self.place)
        return found

    @cached_property
    def stamp(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride] - known after the files are
        return " ".join(f"{name} {file.stamp}" for name, file in self.files.items())


class _Archive(_Container):
    def __init__(self, path: Path) -> None:
        self._path, self.name, self.place, self.stamp = path, path.name, str(path), _stamp(path)

    @cached_property
    def files(self) -> Mapping[str, Source]:
        with _readable(self.place), zipfile.ZipFile(self._path) as archive:
            entries = archive.infolist()
        _refuse_too_many(len(entries), self.place)
        total = sum(entry.file_size for entry in entries)
        if total > max(_ALWAYS_ALLOWED, MOST_RATIO * self._path.stat().st_size):
            raise UnsafeSource(
                f"The archive unpacks to {total:,} bytes, more than {MOST_RATIO} times its size.",
                "Unpack it yourself if you trust it, then give the folder.",
                self.place,
            )
        for entry in entries:
            self._refuse_outside(entry)
        found = {entry.filename: _Entry(self._path, entry) for entry in entries if not entry.is_dir()}
        tops = {name.partition("/")[0] for name in found}
        is_wrapped = len(tops) == 1 and all("/" in name for name in found)
        return {name.partition("/")[2] if is_wrapped else name: found[name] for name in sorted(found)}

    def _refuse_outside(self, entry: zipfile.ZipInfo) -> None:
        name = entry.filename
        parts = name.replace("\\", "/").split("/")
        if name.startswith(("/", "\\")) or ".." in parts or ":" in parts[0] or "\0" in entry.orig_filename:
            raise UnsafeSource(
                f"The archive holds a path that leads outside, {name!r}.", "No export is written so: do not use it.",
                self.place,
            )  # fmt: skip
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise UnsafeSource(
                f"The archive holds a link, {name!r}.", "No export is written so: do not use it.", self.place
            )


class _Entry(Source):
    def __init__(self, archive: Path, entry: zipfile.ZipInfo) -> None:
        self._archive, self._entry = archive, entry
        self.name = PurePosixPath(entry.filename).name
        self.place = f"{archive}, {entry.filename}"
        self.size, self.stamp = entry.file_size, f"{_stamp(archive)} {entry.CRC}"

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        # zipfile stops at the length given in the archive, so no more is read.
        with _readable(self.place), zipfile.ZipFile(self._archive) as archive, archive.open(self._entry) as file:
            yield file


def _stamp(path: Path) -> str:
    found = path.stat()
    return f"{found.st_size} {found.st_mtime_ns}"


def _refuse_too_many(n_files: int, place: str) -> None:
    if n_files > MOST_FILES:
        raise UnsafeSource(f"There are more than {MOST_FILES:,} files.", "Give the files of the export alone.", place)


@contextmanager
def _readable(place: str) -> Iterator[None]:
    """Convert errors of the operating system or an archive to `UnreadableSource` with place and next step."""
    try:
        yield
    except FileNotFoundError as error:
        raise UnreadableSource(f"There is no file or folder {place}.", "Correct the path.") from error
    except RuntimeError as error:  # of zipfile: a password is needed
        raise UnreadableSource(f"It is encrypted: {error}.", "Unpack it, then give the folder.", place) from error
    except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
        raise UnreadableSource(f"The archive is damaged: {error}.", "Export it again.", place) from error
    except OSError as error:
        raise UnreadableSource(
            f"It cannot be read: {error.strerror or error}.", "See that this user may read it, then try again.", place
        ) from error
