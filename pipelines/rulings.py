"""What people rule about links between accounts: a log that only grows, and which links it withdraws."""

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
    """There is nothing to withdraw, or to let hold again."""


class NoAccount(EmberlineError):
    """A text is neither an account nor a pseudonym."""


def withdrawn(rulings: pl.LazyFrame) -> pl.DataFrame:
    """The links on which the newest ruling is that they do not hold.

    Args:
        rulings: rows of `IDENTITY_RULING`, in any order.

    Returns:
        `account_id`, `linked_account_id` (null: every link of the account).
    """
    newest = rulings.sort("ruling").unique(LINK, keep="last", maintain_order=True)
    return newest.filter("is_withdrawn").select(LINK).collect()


def as_pseudonym(account: str, pseudonyms: Pseudonyms) -> str:
    """The pseudonym of `carrier:native_id`; a pseudonym, as the lake and the warehouse show it, is its own.

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
    """Note that a link does not hold, or that it does again. The next run of the pipeline follows it.

    Args:
        lake: holds the rulings and the events.
        account: pseudonym.
        other: pseudonym of the other account; None: every link of the account, also those to come.
        is_withdrawn: whether the link does not hold.
        actor: who rules.
        reason: why.
        now: the clock, UTC.

    Raises:
        NoSuchLink: no event tells the link that is to be withdrawn, or what is to hold again is not withdrawn.
        LakeConflict: somebody else ruled in the same moment.
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
    """The links that hold between an account (pseudonym) and others: `account_id`, `linked_account_id`."""
    told = links(lake.open(EVENTS).scan(), withdrawn(lake.open(IDENTITY_RULING).scan()))
    return told.filter(pl.any_horizontal(pl.col(LINK) == account)).sort(LINK)


def _refuse_unknown(told: pl.DataFrame, account: str, other: str | None) -> None:
    ends = pl.concat([told, told.select(account_id=LINK[1], linked_account_id=LINK[0])])
    # A link of an account to itself ties it to nobody.
    others = ends.filter(pl.col("account_id") == account)["linked_account_id"]
    whom = set(others) - {account}
    if not whom or (other is not None and other not in whom):
        linked_to = "any other" if other is None else other
        raise NoSuchLink(
            f"No link that holds ties account {account} to {linked_to}.",
            "They may be one person by way of others; see the links of each: emberline identity links ACCOUNT",
        )
