"""Pseudonyms of accounts: HMAC-SHA256 with a key that is stored outside lake and warehouse.

A plain hash can be reversed by trying all ids; a keyed one cannot without the key. An account keeps its pseudonym as
long as the key is the same.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import polars as pl

from schemas.errors import EmberlineError

_HEX_DIGITS = 32
_FINGERPRINT_OF = b"emberline: key of the pseudonyms"


class WrongPseudonymKey(EmberlineError):
    """The key is not that of the lake's pseudonyms, or is missing."""


def _no_accounts() -> pl.Series:
    return pl.Series(dtype=pl.Categorical(pl.Categories.random()))


@dataclass(frozen=True)
class _Known:
    """Cache of pseudonyms: categorical `accounts`, and `pseudonyms` indexed by their physical values, null elsewhere.

    Polars looks up an account faster than it finds the distinct accounts of a batch. It keeps physical values as long
    as a series has them, so `accounts` holds all accounts with a pseudonym here.
    """

    accounts: pl.Series = field(default_factory=_no_accounts)
    pseudonyms: pl.Series = field(default_factory=lambda: pl.Series(dtype=pl.String))

    def of(self, accounts: pl.Series) -> pl.Series:
        """Return the pseudonyms of categorical accounts, null if unknown."""
        return self.pseudonyms.gather(accounts.to_physical(), null_on_oob=True)

    def with_those_of(self, accounts: pl.Series, pseudonym: Callable[[str], str]) -> _Known:
        """Return the cache extended by the pseudonyms of new categorical accounts."""
        fresh = accounts.filter(self.of(accounts).is_null() & accounts.is_not_null()).unique()
        if fresh.is_empty():
            return self
        at = fresh.to_physical().to_list()
        missing = max(0, max(at) + 1 - len(self.pseudonyms))
        made = pl.Series([pseudonym(account) for account in fresh])
        return _Known(
            pl.concat([self.accounts, fresh], rechunk=True),
            self.pseudonyms.extend_constant(None, missing).scatter(at, made),
        )


@dataclass
class Pseudonyms:
    """The keyed mapping from account ids to 128-bit pseudonyms, 32 hex digits.

    At most `most_known` of them are cached between calls, by default about 40 MB.
    """

    key: bytes = field(repr=False)
    most_known: int = 200_000
    _known: _Known = field(default_factory=_Known, init=False, repr=False, compare=False)

    @property
    def fingerprint(self) -> int:
        """Return a number that identifies the key without revealing it: 63 bits of the HMAC of a constant."""
        return int.from_bytes(hmac.digest(self.key, _FINGERPRINT_OF, "sha256")[:8]) >> 1

    def of(self, account_id: str) -> str:
        """Return the pseudonym of one account."""
        return hmac.digest(self.key, account_id.encode(), "sha256").hex()[:_HEX_DIGITS]

    def apply(self, frame: pl.DataFrame, columns: Iterable[str], list_columns: Iterable[str] = ()) -> pl.DataFrame:
        """Replace the account ids in string columns, and in columns of lists of strings or of structs with an `id`.

        Nulls stay null.
        """
        columns, list_columns = (
            [name for name in names if frame[name].null_count() < frame.height] for names in (columns, list_columns)
        )
        renamed = [self._of_all(frame[name]).alias(name) for name in columns]
        return frame.with_columns(*renamed, *(self._in_lists(frame[name]) for name in list_columns))

    def _in_lists(self, lists: pl.Series) -> pl.Expr:
        inner = lists.explode().drop_nulls()
        is_struct = isinstance(inner.dtype, pl.Struct)
        ids = (inner.struct.field("id") if is_struct else inner).unique()
        account = pl.element().struct.field("id") if is_struct else pl.element()
        pseudonym = account.replace_strict(ids, self._of_all(ids), default=None)
        return pl.col(lists.name).list.eval(pl.element().struct.with_fields(id=pseudonym) if is_struct else pseudonym)

    def _of_all(self, accounts: pl.Series) -> pl.Series:
        """Return the pseudonyms of many accounts; nulls stay null."""
        known = self._known
        categorical = accounts.cast(known.accounts.dtype)
        known = known.with_those_of(categorical, self.of)
        self._known = known if len(known.accounts) <= self.most_known else _Known()
        return known.of(categorical)
