"""Accounts become pseudonyms: HMAC-SHA256 under a key that lies outside lake and warehouse.

A plain hash of an id is reversed by trying all ids; a keyed one is not without the key. The same account gets the same
pseudonym for as long as the key lives.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field

import polars as pl

_HEX_DIGITS = 32


@dataclass(frozen=True)
class Pseudonyms:
    """The keyed mapping from account ids to 128-bit pseudonyms, 32 hex digits."""

    key: bytes = field(repr=False)

    def of(self, account_id: str) -> str:
        """The pseudonym of one account."""
        return hmac.digest(self.key, account_id.encode(), "sha256").hex()[:_HEX_DIGITS]

    def apply(self, frame: pl.DataFrame, columns: Iterable[str], list_columns: Iterable[str] = ()) -> pl.DataFrame:
        """Replace the account ids in string columns and in columns of lists of strings; nulls stay null."""
        columns, list_columns = list(columns), list(list_columns)
        parts = [frame[name] for name in columns] + [frame[name].drop_nulls().explode() for name in list_columns]
        ids = pl.concat([part.drop_nulls().alias("id") for part in parts]).unique().to_list()
        mapping = {account_id: self.of(account_id) for account_id in ids}

        def renamed(values: pl.Expr) -> pl.Expr:
            return values.replace_strict(mapping, default=None, return_dtype=pl.String)

        return frame.with_columns(
            *(renamed(pl.col(name)) for name in columns),
            *(pl.col(name).list.eval(renamed(pl.element())) for name in list_columns),
        )
