"""Errors between a frame and a published version, with cause, place and next step."""

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
    """No connection to the warehouse could be opened, or it was lost."""


class UnsupportedWarehouse(PublishError):
    """The URL does not name PostgreSQL through psycopg."""


class PrepareFailed(PublishError):
    """The schemas, tables or comments could not be created."""


class UpgradeFailed(PublishError):
    """The structure could not be upgraded to this version; the warehouse is unchanged."""


class PoliciesFailed(PublishError):
    """The policies for tenants could not be updated; the warehouse is unchanged."""


class WarehouseNewer(PublishError):
    """A newer version of emberline has upgraded the warehouse."""


class WarehouseOutdated(PublishError):
    """A table of `mart` or `ops` lacks columns of the contract."""


class StagingMismatch(PublishError):
    """A frame does not have the columns and types of the table it is staged for.

    Attributes:
        columns: The columns concerned.
    """

    def __init__(self, cause: str, *, columns: tuple[str, ...], url: sa.URL, next_step: str, table: str) -> None:
        self.columns = columns
        super().__init__(cause, url=url, next_step=next_step, table=table)


class StagingFailed(PublishError):
    """PostgreSQL refused the rows of a staging version."""


class NotStaged(PublishError):
    """Nothing is staged for a table to publish or audit, or it is staged against another published version."""


class PublishFailed(PublishError):
    """The switch was rolled back as a whole."""


class AnotherLake(PublishError):
    """The rows come from another lake than the published ones."""


class RowsLost(PublishError):
    """Tables would lose a larger share of their rows than allowed."""


class TableAltered(PublishError):
    """A table of `mart` was changed by somebody else since it was published."""


class ReadFailed(PublishError):
    """PostgreSQL refused a query."""


class LedgerFailed(PublishError):
    """The ledger of alerts could not be read or written; it is unchanged."""


def without_password(text: str, url: sa.URL) -> str:
    """Return the text with the URL's password masked, if a driver quoted it.

    Only as a whole word: masking it inside another name would reveal it.
    """
    return re.sub(rf"(?<!\w){re.escape(url.password)}(?!\w)", "***", text) if url.password else text
