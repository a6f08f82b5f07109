"""What the operating system refuses is read from an error as Python, Delta, Polars and Rust write it."""

import errno
import os

import pytest

from pipelines.lake_damage import first_line
from pipelines.lake_log import is_of_log
from pipelines.system_refusals import refusal

# As deltalake 1.6 and Polars 2.1 tell of a disk that is mounted to be read, or has no room.
TOLD = {
    "Read-only file system (os error 30): /srv/lake/raw": (errno.EROFS, "/srv/lake/raw"),
    "Permission denied (os error 13): /srv/lake/raw": (errno.EACCES, "/srv/lake/raw"),
    "Failed to parse parquet: External: Unable to copy data to file: No space left on device (os error 28)": (
        errno.ENOSPC,
        None,
    ),
    "Generic LocalFileSystem error\n \x1b[31m↳\x1b[0m No space left on device (os error 28)\n": (errno.ENOSPC, None),
    'Could not create local directory: /srv/lake\nError: Os { code: 30, kind: ReadOnlyFilesystem, message: "" }': (
        errno.EROFS,
        None,
    ),
    "called `Result::unwrap()` on an `Err` value: value: OSError(24, 'Too many open files')": (errno.EMFILE, None),
    "OSError: [Errno 28] No space left on device: '/srv/lake/raw'": (errno.ENOSPC, "/srv/lake/raw"),
    "No such file or directory (os error 2): /srv/lake/raw": None,
    "a step of 28 rows": None,
}


@pytest.mark.parametrize(("text", "told"), TOLD.items(), ids=range(len(TOLD)))
def test_a_refusal_is_read_from_a_text(text: str, told: tuple[int, str | None] | None):
    found = refusal(RuntimeError(text))
    if told is None:
        assert found is None
    else:
        assert found is not None
        assert (found.cause, found.place) == (f"The operating system refused: {os.strerror(told[0])}.", told[1])


def test_a_full_disk_is_not_taken_for_a_damaged_log():
    full = "Failed to parse parquet: External: Generic LocalFileSystem error: No space left on device (os error 28)"
    assert not is_of_log(OSError(full))


def test_what_the_store_refused_is_told_though_delta_says_it_in_a_later_line():
    found = first_line(OSError("Generic LocalFileSystem error\n  ↳ Unable to copy\n  ↳ No space (os error 28)\n"))
    assert found == "Generic LocalFileSystem error: The operating system refused: No space left on device"
