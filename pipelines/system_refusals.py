"""Refusals of the operating system, with the next step: no space, no permission, read-only medium.

Python gives such errors a number, Delta and Polars write it into a text, and Dagster keeps only the text of both.
"""

from __future__ import annotations

import errno
import os
import re
from typing import Final

from schemas.errors import EmberlineError

_ANOTHER_FOLDER: Final = "choose another state folder with --state or EMBERLINE__STATE"
_NEXT_STEPS: Final = {
    errno.ENOSPC: "Make room there, then repeat the command. What was committed before is whole.",
    errno.EDQUOT: "Make room there or have the quota raised, then repeat the command.",
    errno.EFBIG: "Allow larger files (ulimit -f), then repeat the command. What was committed before is whole.",
    errno.EROFS: f"Mount it so that it can be written, or {_ANOTHER_FOLDER}.",
    errno.EACCES: f"Let this user read and write it, or {_ANOTHER_FOLDER}.",
    errno.EPERM: f"Let this user read and write it, or {_ANOTHER_FOLDER}.",
    errno.ENAMETOOLONG: "Choose a shorter path, such as a state folder nearer to the root with --state.",
    errno.ELOOP: "Mend the symbolic links, which lead in a circle.",
    errno.EMFILE: "Allow more open files (ulimit -n), then repeat the command.",
    errno.ENFILE: "End programs that hold many files open, then repeat the command.",
    errno.ENOMEM: "End programs that hold much memory, then repeat the command.",
    errno.EIO: "See that the disk is healthy and still there, then repeat the command.",
    errno.ESTALE: "Mount the network's file system again, then repeat the command.",
}
"""The next step after each failure of the operating system that is no defect of this project."""

_TOLD: Final = re.compile(
    r"\[Errno (?P<python>\d+)\][^:\n]*(?:: '(?P<file>[^'\n]+)')?"
    r"|\(os error (?P<rust>\d+)\)(?:: (?P<path>/[^\n]+))?"
    r"|\bOs \{ code: (?P<shown>\d+)"
    r"|\bOSError\((?P<quoted>\d+),"
)
"""A refusal in a text: as Python prints an `OSError`, as Rust does, in short and in full, and as Rust quotes Python."""


class SystemRefused(EmberlineError):
    """The operating system refused access to a file or a folder."""


def refusal(error: BaseException) -> SystemRefused | None:
    """Return an error's refusal by the operating system; None if it is none, or has no known next step."""
    if isinstance(error, OSError) and error.errno is not None:
        place = error.filename2 or error.filename
        return _refused(error.errno, None if place is None else os.fsdecode(place))
    return refusal_in(str(error))


def refusal_in(text: str) -> SystemRefused | None:
    """Return the refusal in the text of an error; see `refusal`."""
    for found in _TOLD.finditer(text):
        number = found["python"] or found["rust"] or found["shown"] or found["quoted"]
        if refused := _refused(int(number), found["file"] or found["path"]):
            return refused
    return None


def _refused(number: int, place: str | None) -> SystemRefused | None:
    if number not in _NEXT_STEPS:
        return None
    return SystemRefused(f"The operating system refused: {os.strerror(number)}.", _NEXT_STEPS[number], place)
