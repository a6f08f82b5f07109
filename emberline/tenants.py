"""Add, remove and list tenants: the login in PostgreSQL, and the groups it may read."""

from __future__ import annotations

import datetime as dt
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from emberline.embedded import EmbeddedPostgres
from emberline.embedded.postgres_roles import let_tenants_in
from emberline.embedded.postgres_tenants import TenantLimits, create_login, drop_login, has_login, is_free
from pipelines.publish.tenants import BadTenantName, Tenant, Tenants, refuse_name

if TYPE_CHECKING:
    from emberline.services import Services

PASSWORD_VARIABLE: Final = "EMBERLINE_TENANT_PASSWORD"  # noqa: S105 - the name of a variable
_BYTES: Final = 24


@dataclass(frozen=True)
class Added:
    """A tenant after a change.

    Attributes:
        tenant: The login and its groups.
        address: URL for psql, without a password.
        password: The generated password; None: it was given, or is unchanged.
    """

    tenant: Tenant
    address: str
    password: str | None


@dataclass(frozen=True)
class Removed:
    """The result of removing a tenant or some of its groups.

    Attributes:
        groups: Number of groups that it may no longer read.
        is_login_dropped: Whether its login was dropped too; None: not requested, or left to an administrator.
    """

    groups: int
    is_login_dropped: bool | None


def add_tenant(
    services: Services,
    name: str,
    groups: Sequence[str],
    limits: TenantLimits,
    *,
    new_password: bool,
    actor: str,
    now: dt.datetime,
) -> Added:
    """Grant groups to a tenant; in the embedded PostgreSQL its login is created if it does not exist.

    A password is set for a new login, or with `new_password`: that of the variable `PASSWORD_VARIABLE`, else a random
    one. In a configured PostgreSQL, an administrator creates logins and passwords.

    Raises:
        BadTenantName, NoTenants, UnknownGroups, NoSuchTenant: See `pipelines.publish.tenants`.
    """
    refuse_name(name)
    warehouse, embedded = services.warehouse(), _embedded(services)
    if embedded is not None:
        with embedded.administration() as server:
            let_tenants_in(server)
            if not is_free(server, name):
                raise BadTenantName(f"{name} is another login of this PostgreSQL.", "Choose another name.")
    warehouse.prepare()
    tenants, password = Tenants(warehouse.url), None
    tenants.refuse_unfit(groups)
    if embedded is not None:
        given = os.environ.get(PASSWORD_VARIABLE)
        with embedded.administration() as server:
            if new_password or not has_login(server, name):
                password = given or secrets.token_urlsafe(_BYTES)
            create_login(server, name, limits, password)
        if given:
            password = None
    tenants.refuse_unknown(name)
    tenants.grant(name, groups, actor, now)
    found = next(one for one in tenants.all() if one.name == name)
    url = sa.make_url(warehouse.url)
    address = sa.URL.create("postgresql", name, None, url.host, url.port, url.database)
    return Added(found, address.render_as_string(), password)


def remove_tenant(services: Services, name: str, groups: Sequence[str]) -> Removed:
    """Revoke groups from a tenant; without `groups` revoke all, and drop its login in the embedded PostgreSQL."""
    refuse_name(name)
    warehouse, embedded = services.warehouse(), _embedded(services)
    warehouse.prepare()
    withdrawn = Tenants(warehouse.url).withdraw(name, groups or None)
    if embedded is None or groups:
        return Removed(withdrawn, None)
    with embedded.administration() as server:
        is_there = has_login(server, name) and is_free(server, name)
        if is_there:
            drop_login(server, name)
    return Removed(withdrawn, is_there)


def all_tenants(services: Services) -> list[Tenant]:
    """Return every tenant; one without a login has groups, but its login was dropped or is not a tenant's."""
    warehouse = services.warehouse()
    warehouse.prepare()
    return Tenants(warehouse.url).all()


def _embedded(services: Services) -> EmbeddedPostgres | None:
    """Return the embedded PostgreSQL; None if the warehouse is configured elsewhere."""
    return EmbeddedPostgres(services.state) if services.settings.warehouse.url is None else None
