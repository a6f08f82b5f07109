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
_MOST_KNOWN = 200_000
"""Pseudonyms remembered at most, about 40 MB of them."""


@dataclass(frozen=True)
class Pseudonyms:
    """The keyed mapping from account ids to 128-bit pseudonyms, 32 hex digits."""

    key: bytes = field(repr=False)
    _known: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)

    def of(self, account_id: str) -> str:
        """The pseudonym of one account."""
        return hmac.digest(self.key, account_id.encode(), "sha256").hex()[:_HEX_DIGITS]

    def apply(self, frame: pl.DataFrame, columns: Iterable[str], list_columns: Iterable[str] = ()) -> pl.DataFrame:
        """Replace the account ids in string columns and in columns of lists of strings; nulls stay null."""
        columns, list_columns = (
            [name for name in names if frame[name].null_count() < frame.height] for names in (columns, list_columns)
        )
        if not columns and not list_columns:
            return frame
        parts = [frame[name] for name in columns] + [frame[name].drop_nulls().explode() for name in list_columns]
        ids = pl.concat([part.drop_nulls().alias("id") for part in parts]).unique()
        pseudonyms = pl.Series(self._remembered(ids.to_list()), dtype=pl.String)

        def renamed(values: pl.Expr) -> pl.Expr:
            return values.replace_strict(ids, pseudonyms, default=None, return_dtype=pl.String)

        return frame.with_columns(
            *(renamed(pl.col(name)) for name in columns),
            *(pl.col(name).list.eval(renamed(pl.element())) for name in list_columns),
        )

    def _remembered(self, account_ids: list[str]) -> list[str]:
        """Pseudonyms of accounts; most accounts of a batch were in the one before."""
        if len(self._known) > _MOST_KNOWN:
            self._known.clear()
        fresh = {account_id: self.of(account_id) for account_id in account_ids if account_id not in self._known}
        if len(fresh) <= _MOST_KNOWN:
            self._known.update(fresh)
            return [self._known[account_id] for account_id in account_ids]
        return [fresh.get(account_id) or self._known[account_id] for account_id in account_ids]
