"""What can go wrong between a frame and a published version, told as cause, place and next step."""

from __future__ import annotations

import re

import sqlalchemy as sa

from schemas.errors import EmberlineError


class PublishError(EmberlineError):
    """The warehouse could not be read or written; the published version is untouched."""

    def __init__(self, cause: str, *, url: sa.URL, next_step: str, table: str | None = None) -> None:
        """Name the table, if one is concerned, and the warehouse without its password."""
        place = ", ".join(filter(None, [table and f"table {table}", url.render_as_string(hide_password=True)]))
        super().__init__(without_password(cause, url), next_step, place)


class WarehouseUnreachable(PublishError):
    """No connection to the warehouse could be opened, or it broke."""


class UnsupportedWarehouse(PublishError):
    """The URL does not name PostgreSQL through psycopg."""


class PrepareFailed(PublishError):
    """The schemas, tables or comments could not be made."""


class UpgradeFailed(PublishError):
    """The structure could not be brought to that of this version; the warehouse is as it was."""


class PoliciesFailed(PublishError):
    """What tenants may read could not be brought up to date; the warehouse is as it was."""


class WarehouseNewer(PublishError):
    """A newer version of emberline has upgraded the warehouse."""


class WarehouseOutdated(PublishError):
    """A table of `mart` or `ops` lacks columns of the contract."""


class StagingMismatch(PublishError):
    """A frame is not in the columns and types of the table it is staged for.

    Attributes:
        columns: The columns concerned.
    """

    def __init__(self, cause: str, *, columns: tuple[str, ...], url: sa.URL, next_step: str, table: str) -> None:
        self.columns = columns
        super().__init__(cause, url=url, next_step=next_step, table=table)


class StagingFailed(PublishError):
    """PostgreSQL refused the rows of a staging version."""


class NotStaged(PublishError):
    """Of a table to publish or audit nothing is staged, or not beside the published version."""


class PublishFailed(PublishError):
    """The switch was rolled back as a whole."""


class AnotherLake(PublishError):
    """The rows come from another lake than those that are published."""


class RowsLost(PublishError):
    """Tables would lose more of their rows than they may."""


class TableAltered(PublishError):
    """A table of `mart` has other rows than those that were published."""


class ReadFailed(PublishError):
    """PostgreSQL refused a query."""


class LedgerFailed(PublishError):
    """The ledger of alerts could not be read or written; it is as it was."""


def without_password(text: str, url: sa.URL) -> str:
    """The text with the URL's password blotted out, should a driver have quoted it.

    As a word of its own only: elsewhere it is part of a name, and blotted out it would be told.
    """
    return re.sub(rf"(?<!\w){re.escape(url.password)}(?!\w)", "***", text) if url.password else text
