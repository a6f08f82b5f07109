"""Settings of what stores data: the lake, the warehouse and Dagster's storage."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from emberline.settings.section import Section


def own_home(path: Path) -> Path:
    """Refuse a path below the home (`~name`) of a user that does not exist.

    Raises:
        ValueError: There is no such user.
    """
    try:
        path.expanduser()
    except RuntimeError:
        raise ValueError(f"{path.parts[0]} is not the home of a user of this system") from None
    return path


def _lake_uri(uri: str | None) -> str | None:
    if uri is None:
        return None
    # Errors and metadata show the URI of a table. A secret key of a store may contain a slash.
    if re.match(r"[a-z][a-z0-9+.-]*://[^/@]*:[^@]*@", uri, re.IGNORECASE):
        raise ValueError("has a password; set the credentials of the store under [lake.storage_options]")
    own_home(Path(uri))
    return uri


def _database_url(url: SecretStr | None) -> SecretStr | None:
    try:
        if url is not None:
            make_url(url.get_secret_value())
    except (ArgumentError, ValueError):  # the messages may quote the password
        raise ValueError("is not a URL; write postgresql+psycopg://user:password@host:port/database") from None
    return url


_DatabaseUrl = Annotated[SecretStr | None, AfterValidator(_database_url)]


class LakeSettings(Section):
    """Location of the Delta tables. Without `uri`: in the state folder, or linked from it."""

    uri: Annotated[str | None, AfterValidator(_lake_uri)] = None
    storage_options: dict[str, str] = Field(default_factory=dict, repr=False)


class WarehouseSettings(Section):
    """The warehouse, and the share of its rows that a table may lose in one publication.

    Without `url`: the embedded PostgreSQL. The URL has a password: set it in the environment.
    """

    url: _DatabaseUrl = None
    max_lost_share: float = Field(default=0.5, ge=0, le=1)


class DagsterSettings(Section):
    """Dagster's page and storage. Without `storage_url`: with the warehouse, in its own database or schema."""

    storage_url: _DatabaseUrl = None
    """PostgreSQL database of Dagster's storage, `postgresql+psycopg://user:password@host:port/database`. It has a
    password: set it in the environment."""
    guard: bool = True
    """Whether Dagster's page requires the token in the link that `up` prints, and a known host name. Turn it off only
    if something else guards the page."""
    hosts: list[str] = Field(default_factory=list)
    """Host names of Dagster's page, beside those of the loopback interface."""
