"""Which groups each tenant reads: the table of grants, and the logins that PostgreSQL has."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from pipelines.publish.database import Database, Refused
from pipelines.publish.errors import PublishError, ReadFailed
from schemas.access import TENANT, TENANTS
from schemas.attribution import UNATTRIBUTED
from schemas.errors import EmberlineError
from schemas.operations import tenant_group
from schemas.warehouse import dim_group

_NAME: Final = re.compile(r"(?!pg_|emberline)[a-z][a-z0-9_]{0,62}")
_REFUSED: Final = Refused(ReadFailed, "Let the role that publishes grant and withdraw groups.", tenant_group.fullname)
_LOGINS: Final = sa.text(
    """
    SELECT member.rolname::text AS tenant, member.rolconnlimit AS connections
    FROM pg_auth_members AS m
    JOIN pg_roles AS member ON member.oid = m.member JOIN pg_roles AS tenants ON tenants.oid = m.roleid
    WHERE tenants.rolname = :tenants AND member.rolcanlogin AND pg_has_role(member.oid, tenants.oid, 'USAGE')
    AND NOT member.rolsuper AND NOT member.rolbypassrls
    """
)


class BadTenantName(EmberlineError):
    """A name that a tenant's login may not have."""


class UnknownGroups(PublishError):
    """Some of the groups to grant are in no published version."""


class NoSuchTenant(PublishError):
    """PostgreSQL has no tenant's login of this name."""


class NoTenants(PublishError):
    """This database is not set up for tenants."""


@dataclass(frozen=True)
class Tenant:
    """A login with its connection limit and the groups it reads.

    Attributes:
        name: The name of the login.
        connections: The connection limit, -1: none; None: PostgreSQL has no such login, or it is not a tenant.
        groups: Their ids, sorted.
    """

    name: str
    connections: int | None
    groups: tuple[str, ...]


class Tenants:
    """The grants of one warehouse, which must be prepared."""

    def __init__(self, url: str) -> None:
        """Take the SQLAlchemy URL of the publishing role; open no connection."""
        self._database = Database(url)

    def all(self) -> list[Tenant]:
        """Return every tenant's login, and every name that groups were granted to, sorted."""
        with self._database.transaction(_REFUSED) as connection:
            logins = {row.tenant: row.connections for row in connection.execute(_LOGINS, {"tenants": TENANTS})}
            rows = connection.execute(sa.select(tenant_group.c.tenant, tenant_group.c.group_id)).all()
        groups: dict[str, list[str]] = {name: [] for name in logins}
        for name, group in rows:
            groups.setdefault(name, []).append(group)
        return [Tenant(name, logins.get(name), tuple(sorted(found))) for name, found in sorted(groups.items())]

    def refuse_unfit(self, groups: Sequence[str]) -> None:
        """Check that the database is set up for tenants, and that these groups were published.

        Raises:
            NoTenants: The database is not set up for tenants.
            UnknownGroups: Nothing was published of some of the groups.
        """
        with self._database.transaction(_REFUSED) as connection:
            if not sa.inspect(connection).has_schema(TENANT):
                raise NoTenants(
                    f"The schema {TENANT}, which tenants read, does not exist.",
                    url=self._database.url,
                    next_step=f"Let an administrator create the role {TENANTS} and the schema, then run again: "
                    "docs/how-to/let-tenants-read.md has the SQL.",
                )
            known = set(connection.scalars(sa.select(dim_group.c.group_id).where(dim_group.c.group_id.in_(groups))))
        # Sales credited to no group are a row of their own there, and a total of the company.
        if unknown := [group for group in groups if group not in known - {UNATTRIBUTED}]:
            raise UnknownGroups(
                f"Nothing was published of {', '.join(unknown)}.",
                url=self._database.url,
                table=dim_group.fullname,
                next_step="List the ids of groups: emberline groups",
            )

    def refuse_unknown(self, name: str) -> None:
        """Raise `NoSuchTenant` unless there is a tenant's login of this name."""
        if any(one.name == name and one.connections is not None for one in self.all()):
            return
        raise NoSuchTenant(
            f"{name} is not a login that is a member of {TENANTS}, inherits its rights and is not a superuser.",
            url=self._database.url,
            next_step="Let an administrator create it: docs/how-to/let-tenants-read.md has the SQL.",
        )

    def grant(self, name: str, groups: Sequence[str], actor: str, now: dt.datetime) -> None:
        """Let a tenant also read these groups."""
        rows = [{"tenant": name, "group_id": one, "granted_at": now, "granted_by": actor} for one in groups]
        with self._database.transaction(_REFUSED) as connection:
            # Without rows, SQLAlchemy would insert a row of nulls.
            if rows:
                connection.execute(insert(tenant_group).on_conflict_do_nothing(), rows)

    def withdraw(self, name: str, groups: Sequence[str] | None = None) -> int:
        """Withdraw these groups, or all, from a tenant; return how many there were."""
        of_tenant = tenant_group.c.tenant == name
        which = of_tenant if groups is None else of_tenant & tenant_group.c.group_id.in_(groups)
        with self._database.transaction(_REFUSED) as connection:
            return connection.execute(sa.delete(tenant_group).where(which)).rowcount


def refuse_name(name: str) -> None:
    """Raise `BadTenantName` unless a tenant's login may have this name."""
    if not _NAME.fullmatch(name):
        raise BadTenantName(
            f"A tenant's login cannot be named {name!r}.",
            "Use up to 63 lower-case letters, digits and underscores, a letter first; not pg_… or emberline….",
        )
