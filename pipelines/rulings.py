"""People's rulings on links between accounts: an append-only log, and the links it withdraws."""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

import polars as pl

from pipelines.events.identity import LINK, links
from pipelines.events.pseudonym import Pseudonyms
from pipelines.lake import Lake
from schemas.errors import EmberlineError
from schemas.lake import EVENTS, IDENTITY_RULING

_PSEUDONYM: Final = re.compile("[0-9a-f]{32}")


class NoSuchLink(EmberlineError):
    """There is no such link to withdraw or to restore."""


class NoAccount(EmberlineError):
    """A text is neither an account nor a pseudonym."""


def withdrawn(rulings: pl.LazyFrame) -> pl.DataFrame:
    """Return the links whose newest ruling withdraws them.

    Args:
        rulings: rows of `IDENTITY_RULING`, in any order.

    Returns:
        `account_id`, `linked_account_id` (null: every link of the account).
    """
    newest = rulings.sort("ruling").unique(LINK, keep="last", maintain_order=True)
    return newest.filter("is_withdrawn").select(LINK).collect()


def as_pseudonym(account: str, pseudonyms: Pseudonyms) -> str:
    """Return the pseudonym of `carrier:native_id`; a pseudonym is returned as it is.

    Raises:
        NoAccount: it is neither.
    """
    if ":" in account:
        return pseudonyms.of(account)
    if _PSEUDONYM.fullmatch(account):
        return account
    raise NoAccount(
        f"{account!r} is no account.", "Give carrier:native_id, or the pseudonym that lake and warehouse show."
    )


def rule(
    lake: Lake, account: str, other: str | None, *, is_withdrawn: bool, actor: str, reason: str, now: dt.datetime
) -> None:
    """Withdraw or restore a link. The next run of the pipeline applies the ruling.

    Args:
        lake: holds the rulings and the events.
        account: pseudonym.
        other: pseudonym of the other account; None: every link of the account, future ones too.
        is_withdrawn: True withdraws the link, False restores it.
        actor: who decided.
        reason: why.
        now: the clock, UTC.

    Raises:
        NoSuchLink: no event states the link to withdraw, or the link to restore is not withdrawn.
        LakeConflict: another ruling was written first.
    """
    handle = lake.open(IDENTITY_RULING)
    rulings = handle.scan().collect()
    first, second = (account, None) if other is None else sorted((account, other))
    link = pl.DataFrame([(first, second)], schema=dict.fromkeys(LINK, pl.String), orient="row")
    standing = withdrawn(rulings.lazy())
    if is_withdrawn:
        _refuse_unknown(links(lake.open(EVENTS).scan(), standing), account, other)
    elif standing.join(link, on=LINK, how="semi", nulls_equal=True).is_empty():
        raise NoSuchLink("That link is not withdrawn.", "See what is: emberline identity rulings")
    row = link.with_columns(
        ruling=pl.lit(rulings.height + 1, pl.Int64),
        is_withdrawn=pl.lit(is_withdrawn),
        actor=pl.lit(actor),
        reason=pl.lit(reason),
        ruled_at=pl.lit(now, IDENTITY_RULING.columns["ruled_at"]),
    )
    lake.append(handle, row, {})


def links_of(lake: Lake, account: str) -> pl.DataFrame:
    """Return the valid links of an account (pseudonym): `account_id`, `linked_account_id`."""
    links_now = links(lake.open(EVENTS).scan(), withdrawn(lake.open(IDENTITY_RULING).scan()))
    return links_now.filter(pl.any_horizontal(pl.col(LINK) == account)).sort(LINK)


def _refuse_unknown(links_now: pl.DataFrame, account: str, other: str | None) -> None:
    ends = pl.concat([links_now, links_now.select(account_id=LINK[1], linked_account_id=LINK[0])])
    # A link of an account to itself joins nothing.
    others = ends.filter(pl.col("account_id") == account)["linked_account_id"]
    whom = set(others) - {account}
    if not whom or (other is not None and other not in whom):
        linked_to = "any other" if other is None else other
        raise NoSuchLink(
            f"There is no valid link between account {account} and {linked_to}.",
            "They may be joined through other accounts; see the links of each: emberline identity links ACCOUNT",
        )
