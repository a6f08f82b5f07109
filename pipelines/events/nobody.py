"""Placeholder ids, which producers send if they do not know who acts.

See docs/definitions.md#traps, trap 12.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

import polars as pl

from schemas import kinds

_IGNORED: Final = r"[\s'\"]*"
_NOTHING_BUT_ZEROS: Final = r"[\s'\"0+(){}._-]*"
"""Matches zeros only, also as a UUID or a telephone number."""


def stands_for_nobody(account: pl.Expr, blocked: frozenset[str] = frozenset()) -> pl.Expr:
    """Return whether an account id in clear has a placeholder; case, white space and quotes are ignored.

    Args:
        account: `carrier:native_id`; null gives null.
        blocked: Native ids that the company blocks, beside `schemas.kinds.BLOCKED_NATIVE_IDS`.
    """
    return account.str.contains(_pattern(blocked))


def without_nobody(events: pl.DataFrame, blocked: frozenset[str] = frozenset()) -> pl.DataFrame:
    """Clear placeholder accounts of events, and their role if it is member: they then count as nobody's engagement.

    Placeholders among the members of a snapshot are removed.

    Args:
        events: `account_id` in clear, `role` and `members`.
        blocked: See `stands_for_nobody`.
    """
    if events["members"].null_count() < events.height:
        is_somebody = ~stands_for_nobody(pl.element().struct.field("id"), blocked)
        events = events.with_columns(pl.col("members").list.eval(pl.element().filter(is_somebody)))
    asked = stands_for_nobody(pl.col("account_id"), blocked).fill_null(value=False)
    is_nobodys = events.select(asked).to_series()
    if not is_nobodys.any():
        return events
    return events.with_columns(
        pl.when(~is_nobodys).then("account_id").alias("account_id"),
        pl.when(~(pl.lit(is_nobodys) & (pl.col("role") == "member"))).then("role").alias("role"),
    )


def acts_nobody() -> pl.Expr:
    """Return whether a row of `EVENTS` is of a kind that needs an account and had a placeholder."""
    need_account = [kind for kind, columns in kinds.REQUIRED.items() if kinds.ACCOUNT in columns]
    return pl.col("type").is_in(need_account) & pl.col("account_id").is_null()


@cache
def _pattern(blocked: frozenset[str]) -> str:
    """Return one regular expression for all names: every event is checked, and other ways take ten times as long."""
    names = (re.sub(_IGNORED, "", name) for name in sorted(kinds.BLOCKED_NATIVE_IDS | blocked))
    spellings = [_IGNORED.join(map(re.escape, name)) for name in names if name]
    return f"(?i)^[^:]+:{_IGNORED}(?:{'|'.join([*spellings, _NOTHING_BUT_ZEROS])}){_IGNORED}$"
