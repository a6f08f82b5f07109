"""Which groups each tenant reads: the table of grants, and whether PostgreSQL knows the login."""

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
    """A name that no login of a tenant may have."""


class UnknownGroups(PublishError):
    """Groups that are to be granted and that nothing was published of."""


class NoSuchTenant(PublishError):
    """PostgreSQL has no login of this name that is a tenant."""


class NoTenants(PublishError):
    """This database is not set up for tenants."""


@dataclass(frozen=True)
class Tenant:
    """A login, how many connections it may open (-1: any number), and the groups it reads.

    Attributes:
        name: The name of the login.
        connections: The limit; None: PostgreSQL has no such login, or it is no tenant.
        groups: Their ids, sorted.
    """

    name: str
    connections: int | None
    groups: tuple[str, ...]


class Tenants:
    """The grants of one warehouse, which has to be prepared."""

    def __init__(self, url: str) -> None:
        """Take the SQLAlchemy URL of the role that publishes; nothing is opened."""
        self._database = Database(url)

    def all(self) -> list[Tenant]:
        """Every login that is a tenant, and every name that groups were granted to, sorted."""
        with self._database.transaction(_REFUSED) as connection:
            logins = {row.tenant: row.connections for row in connection.execute(_LOGINS, {"tenants": TENANTS})}
            rows = connection.execute(sa.select(tenant_group.c.tenant, tenant_group.c.group_id)).all()
        groups: dict[str, list[str]] = {name: [] for name in logins}
        for name, group in rows:
            groups.setdefault(name, []).append(group)
        return [Tenant(name, logins.get(name), tuple(sorted(found))) for name, found in sorted(groups.items())]

    def refuse_unfit(self, groups: Sequence[str]) -> None:
        """See that tenants can be let in, and that something was published of these groups.

        Raises:
            NoTenants, UnknownGroups: As they say.
        """
        with self._database.transaction(_REFUSED) as connection:
            if not sa.inspect(connection).has_schema(TENANT):
                raise NoTenants(
                    f"There is no schema {TENANT} that tenants could read.",
                    url=self._database.url,
                    next_step=f"Let an administrator make the role {TENANTS} and the schema, then run again: "
                    "docs/how-to/let-tenants-read.md has the SQL.",
                )
            known = set(connection.scalars(sa.select(dim_group.c.group_id).where(dim_group.c.group_id.in_(groups))))
        # What is credited to no group is a row of its own there, and a total of the company.
        if unknown := [group for group in groups if group not in known - {UNATTRIBUTED}]:
            raise UnknownGroups(
                f"Nothing was published of {', '.join(unknown)}.",
                url=self._database.url,
                table=dim_group.fullname,
                next_step="See how the ids are spelled: emberline groups",
            )

    def refuse_unknown(self, name: str) -> None:
        """See that there is a login of this name that is a tenant; raise `NoSuchTenant` otherwise."""
        if any(one.name == name and one.connections is not None for one in self.all()):
            return
        raise NoSuchTenant(
            f"{name} is no login that is a member of {TENANTS}, with its rights and without those of a superuser.",
            url=self._database.url,
            next_step="Let an administrator make it so: docs/how-to/let-tenants-read.md has the SQL.",
        )

    def grant(self, name: str, groups: Sequence[str], actor: str, now: dt.datetime) -> None:
        """Let a tenant read these groups, too."""
        rows = [{"tenant": name, "group_id": one, "granted_at": now, "granted_by": actor} for one in groups]
        with self._database.transaction(_REFUSED) as connection:
            # Without rows SQLAlchemy would insert one of nulls.
            if rows:
                connection.execute(insert(tenant_group).on_conflict_do_nothing(), rows)

    def withdraw(self, name: str, groups: Sequence[str] | None = None) -> int:
        """Let a tenant read these groups no more, or none at all; how many it was."""
        of_tenant = tenant_group.c.tenant == name
        which = of_tenant if groups is None else of_tenant & tenant_group.c.group_id.in_(groups)
        with self._database.transaction(_REFUSED) as connection:
            return connection.execute(sa.delete(tenant_group).where(which)).rowcount


def refuse_name(name: str) -> None:
    """See that a login of a tenant may have this name; raise `BadTenantName` otherwise."""
    if not _NAME.fullmatch(name):
        raise BadTenantName(
            f"No login of a tenant can be called {name!r}.",
            "Take up to 63 lower-case letters, digits and underscores, a letter first; not pg_… or emberline….",
        )
