"""Upgrade the structure of a warehouse to this version by Alembic's revisions, keeping all rows (decision 0049)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from pipelines.publish.database import take_turns
from pipelines.publish.errors import UpgradeFailed, WarehouseNewer
from pipelines.publish.policies import withdraw_views
from schemas.operations import OPS
from schemas.warehouse import publication

_FOLDER: Final = Path(__file__).parent / "migrations"
_VERSION: Final = sa.Table(
    "alembic_version",
    sa.MetaData(schema=OPS),
    sa.Column("version_num", sa.String(32), nullable=False, comment="the newest revision"),
    sa.PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
    comment="The revision of the warehouse's structure; written by Alembic.",
)
_LONGEST_WAIT: Final = "10s"
"""Short, because readers of a table wait behind a revision that waits for its lock."""

_NO_RIGHT, _IN_USE, _DEPENDED_ON = "42501", "55P03", "0A000"
_STEPS: Final = {
    _NO_RIGHT: "Run emberline once as the owner of the tables of mart and ops.",
    _IN_USE: "End the session that uses the table (pg_stat_activity shows it), or wait for it, then run again.",
    _DEPENDED_ON: "Drop the view or rule that PostgreSQL names, run again, then create it again.",
}
_OTHERWISE: Final = "Fix what PostgreSQL names and run again; the warehouse is unchanged."


def known_revisions() -> list[str]:
    """Return the revisions that this version knows, the newest last."""
    return sorted(path.name[1:5] for path in (_FOLDER / "versions").glob("r[0-9][0-9][0-9][0-9]_*.py"))


def revision_of(connection: sa.Connection) -> str | None:
    """Return the revision of a warehouse; None: it is empty."""
    inspector = sa.inspect(connection)
    if inspector.has_table(_VERSION.name, OPS):
        return connection.execute(sa.select(_VERSION.c.version_num)).scalar()
    # It was created before there were revisions.
    if not inspector.has_table(publication.name, publication.schema):
        return None
    return "0002" if inspector.has_table("published_table", OPS) else "0001"


def adopt(connection: sa.Connection) -> None:
    """Record the revision of a warehouse that was created before there were revisions."""
    found = revision_of(connection)
    if not sa.inspect(connection).has_table(_VERSION.name, OPS):
        _VERSION.create(connection)
        # A role with rights on each existing table needs to read the revision, too.
        connection.execute(sa.text(f"GRANT SELECT ON {_VERSION.fullname} TO PUBLIC"))
        if found is not None:
            connection.execute(sa.insert(_VERSION).values(version_num=found))


def upgrade(connection: sa.Connection) -> None:
    """Run the revisions that a warehouse lacks.

    Args:
        connection: In a transaction that prepares the warehouse: all or nothing is applied.

    Raises:
        WarehouseNewer: A newer version of emberline has upgraded it.
        UpgradeFailed: PostgreSQL refused.
    """
    found, known = revision_of(connection), known_revisions()
    if found == known[-1]:
        return
    if found is not None and found not in known:
        raise WarehouseNewer(
            f"The warehouse has revision {found} of its structure, and this version of emberline knows it up to "
            f"{known[-1]}.",
            url=connection.engine.url,
            next_step="Install the version of emberline that upgraded it, or a later one.",
        )
    # Imported here: it takes a third of a second, and few runs upgrade.
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    take_turns(connection, "publish")
    try:
        connection.execute(sa.text(f"SET LOCAL lock_timeout = '{_LONGEST_WAIT}'"))
        withdraw_views(connection)
        command.upgrade(config, "head")
        connection.execute(sa.text("SET LOCAL lock_timeout TO DEFAULT"))
    except DBAPIError as error:
        raise UpgradeFailed(
            f"The warehouse could not be upgraded from revision {found or 'none'} to {known[-1]}. PostgreSQL refused: "
            f"{error.orig}",
            url=connection.engine.url,
            next_step=_STEPS.get(getattr(error.orig, "sqlstate", None) or "", _OTHERWISE),
        ) from error
