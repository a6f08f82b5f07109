"""Ids that stand for nobody: what a producer sends where it does not know who acts.

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
"""Also a UUID or a telephone number of zeros."""


def stands_for_nobody(account: pl.Expr, blocked: frozenset[str] = frozenset()) -> pl.Expr:
    """True where the native part of an account id in clear is no id; case, white space and quotes make no difference.

    Args:
        account: `carrier:native_id`; null gives null.
        blocked: native ids that the company blocks, beside `schemas.kinds.BLOCKED_NATIVE_IDS`.
    """
    return account.str.contains(_pattern(blocked))


def without_nobody(events: pl.DataFrame, blocked: frozenset[str] = frozenset()) -> pl.DataFrame:
    """Take the account off events of nobody, and with it the role of a member: they are then nobody's engagement.

    Among the members of a snapshot nobody is left out.

    Args:
        events: `account_id` in clear, `role` and `members`.
        blocked: see `stands_for_nobody`.
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
    """True for a row of `EVENTS` of a kind that needs an account and had one that stands for nobody."""
    need_account = [kind for kind, columns in kinds.REQUIRED.items() if kinds.ACCOUNT in columns]
    return pl.col("type").is_in(need_account) & pl.col("account_id").is_null()


@cache
def _pattern(blocked: frozenset[str]) -> str:
    """One expression for all names: it is asked of every event, and any other way takes ten times as long."""
    names = (re.sub(_IGNORED, "", name) for name in sorted(kinds.BLOCKED_NATIVE_IDS | blocked))
    spellings = [_IGNORED.join(map(re.escape, name)) for name in names if name]
    return f"(?i)^[^:]+:{_IGNORED}(?:{'|'.join([*spellings, _NOTHING_BUT_ZEROS])}){_IGNORED}$"
