"""The user that PostgreSQL runs as if emberline runs as root, because PostgreSQL refuses root."""

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emberline.embedded.errors import NoSystemUser

_NAME = "emberline-postgres"
_USERADD = ("useradd", "--system", "--user-group", "--no-create-home", _NAME)


@dataclass(frozen=True)
class Account:
    """User and group id of an account of the operating system."""

    uid: int
    gid: int


def server_account(place: Path) -> Account | None:
    """Return the account for the server, created at first use; None if not running as root.

    Args:
        place: The folder to name in an error.

    Raises:
        NoSystemUser: The account could not be created.
    """
    if os.geteuid() != 0:
        return None
    try:
        entry = _existing_or_new()
    except (OSError, subprocess.CalledProcessError) as error:
        detail = getattr(error, "stderr", None) or error
        raise NoSystemUser(
            f"PostgreSQL does not run as root, and the user {_NAME} could not be made: {detail}",
            place=place,
            next_step=f"run emberline as an ordinary user, or make the user: {' '.join(_USERADD)}",
        ) from error
    return Account(entry.pw_uid, entry.pw_gid)


def _existing_or_new() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(_NAME)
    except KeyError:
        subprocess.run(_USERADD, check=True, capture_output=True, text=True)
        return pwd.getpwnam(_NAME)


def as_account(account: Account | None) -> dict[str, Any]:
    """Return arguments of `subprocess.run` that run a program as `account`, in its group only."""
    if account is None:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


def succeeds(command: Sequence[str], account: Account) -> bool:
    """Whether a short command succeeds when run by `account`."""
    try:
        done = subprocess.run(command, cwd="/", capture_output=True, check=False, **as_account(account))
    except OSError:
        return False
    return done.returncode == 0
