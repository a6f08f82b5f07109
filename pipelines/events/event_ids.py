"""Pseudonyms of ids that name an account, such as `joined/GROUP/ACCOUNT/TIME`.

Whether an id becomes a pseudonym depends on nothing but the kind of the event and the id. So copies of an event have
the same id, whichever way and whenever they arrive, and stored ids of older versions can be replaced in place.
"""

from __future__ import annotations

import hmac
import re
from hashlib import blake2b
from typing import Final

import polars as pl

from pipelines.events.pseudonym import Pseudonyms
from schemas.kinds import OF_AN_ACCOUNT

MARK: Final = "~"
"""Start of an id that names an account, and of the pseudonym that replaces it."""

MARKED: Final = ("event_id", "message_id", "reply_to", "order_id")
"""Columns in which ids with `MARK` are replaced; in `event_id`, all ids of the kinds `OF_AN_ACCOUNT` are."""

_AFTER: Final = chr(ord(MARK) + 1)
"""Texts from `MARK` up to this one are those that start with it; two comparisons take a fifth of `starts_with`."""

_PSEUDONYM: Final = rf"{MARK}[0-9a-f]{{32}}"
_PURPOSE: Final = b"emberline: ids of events"
_N_BYTES: Final = 16


def pseudonym_of(event_id: str, pseudonyms: Pseudonyms) -> str:
    """Return the pseudonym of an id, `~` and 32 hex digits of a keyed hash; that of a pseudonym is itself."""
    if re.fullmatch(_PSEUDONYM, event_id):
        return event_id
    return MARK + blake2b(event_id.encode(), key=_key(pseudonyms), digest_size=_N_BYTES).hexdigest()


def is_pseudonym(ids: pl.Expr) -> pl.Expr:
    """Whether an id is the pseudonym of one."""
    return ids.str.contains(f"^{_PSEUDONYM}$")


def names_account(column: str) -> pl.Expr:
    """Whether an id in one of the columns `MARKED` may name an account, or is a pseudonym; null is not."""
    is_marked = pl.col(column).is_between(pl.lit(MARK), pl.lit(_AFTER), closed="left").fill_null(value=False)
    return is_marked | pl.col("type").is_in(OF_AN_ACCOUNT) if column == "event_id" else is_marked


def without_accounts(events: pl.DataFrame, pseudonyms: Pseudonyms) -> pl.DataFrame:
    """Replace ids that may name an account by their pseudonyms; pseudonyms stay as they are.

    Args:
        events: `type` and the columns `MARKED`; only `event_id` is never null.
        pseudonyms: The company's key.
    """
    names = events.select(names_account(column).alias(column) for column in MARKED)
    return events.with_columns(
        _replaced(events[is_meant.name], is_meant, pseudonyms) for is_meant in names.get_columns() if is_meant.any()
    )


def _replaced(ids: pl.Series, is_meant: pl.Series, pseudonyms: Pseudonyms) -> pl.Series:
    # Imported here: loading the compiler takes longer than most commands.
    from pipelines.carriers.blake2 import keyed_hashes

    meant = ids.filter(is_meant)
    made = pl.DataFrame({"id": meant, "hash": keyed_hashes(meant, _key(pseudonyms), _N_BYTES)}).select(
        pl.when(is_pseudonym(pl.col("id"))).then("id").otherwise(pl.lit(MARK) + pl.col("hash"))
    )
    return ids.scatter(is_meant.arg_true(), made.to_series())


def _key(pseudonyms: Pseudonyms) -> bytes:
    return hmac.digest(pseudonyms.key, _PURPOSE, "sha256")
