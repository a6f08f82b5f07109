"""Sentences on what followed actions in similar groups; no cause is claimed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

import polars as pl

from schemas.attribution import MODELS
from schemas.currencies import CURRENCIES

LEAST_CASES: Final = 5
"""Actions with fewer cases are not shown: their shares may be chance."""

MOST: Final = 3
"""Most actions reported for a group: those with the greatest difference from untreated groups."""

AFTER: Final = {
    "operator_wrote": "an operator wrote first",
    "red_packet": "a red packet",
    "broadcast": "a broadcast",
    "invitation_wave": "a wave of joins",
    "new_operator": "a new operator",
    "event": "an event",
    "offer": "an offer",
    "call": "a call",
    "other": "something else that was done",
}
"""Words for each of `schemas.interventions.ACTIONS`."""


def followed(effects: pl.DataFrame, sales: pl.DataFrame, purpose: str | None) -> list[dict[str, Any]]:
    """Return what followed each action, the best first: in groups of a purpose, or in all if it has too few cases.

    Args:
        effects: Columns of `schemas.warehouse.intervention_effect`.
        sales: Columns of `schemas.warehouse.intervention_sales`.
        purpose: Purpose of the group; None: not known.

    Returns:
        At most `MOST` rows, with `like`: untreated groups that were alive again, scaled to the number of cases; and
        `sold`, the row of `sales` on the same action; None: too few cases, or nothing was sold.
    """
    sold = {row["action"]: row for row in _like(_of_one_market(sales), purpose).iter_rows(named=True)}
    best = _like(effects, purpose).sort("difference", "action", descending=[True, False]).head(MOST)
    like = (pl.col("untreated_share") * pl.col("cases")).round().cast(pl.Int64)
    return [row | {"sold": sold.get(row["action"])} for row in best.with_columns(like=like).iter_rows(named=True)]


def _like(rows: pl.DataFrame, purpose: str | None) -> pl.DataFrame:
    """Return one row per action: that of groups of the purpose, or else of all groups; none with few cases."""
    is_like = pl.col("purpose").is_in(["", purpose or ""]) & (pl.col("cases") >= LEAST_CASES)
    return rows.filter(is_like).sort("purpose", descending=True).unique("action", keep="first", maintain_order=True)


def _of_one_market(sales: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of the first attribution model, each in the currency in which most groups sold anything."""
    place = pl.col("model").replace_strict({model: place for place, model in enumerate(MODELS)})
    return (
        sales.filter(place == place.min())
        .sort("selling_cases", "currency", descending=[True, False])
        .unique(("action", "purpose"), keep="first", maintain_order=True)
    )


def sentences(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return rows of `followed` as sentences without full stops."""
    return [said for row in rows for said in (sentence(row), *([] if row["sold"] is None else [sold_sentence(row)]))]


def sentence(row: Mapping[str, Any]) -> str:
    """Return a sentence without a full stop: how many groups of a row of `followed` were alive again."""
    return (
        f"Groups like this were alive again in {row['alive_again']} of {row['cases']} cases after "
        f"{AFTER[row['action']]}, untreated {row['like']} of {row['cases']}{_chance(row)}"
    )


def sold_sentence(row: Mapping[str, Any]) -> str:
    """Return a sentence without a full stop: what groups sold, for a row of `followed` with `sold`."""
    sold = row["sold"]
    net, untreated = (money(sold[name], sold["currency"]) for name in ("net_minor", "untreated_minor"))
    return (
        f"Groups like this sold {net} {sold['currency']} on average in the 28 days after {AFTER[row['action']]} "
        f"({sold['cases']} cases), untreated {untreated}{_chance(sold)}"
    )


def _chance(row: Mapping[str, Any]) -> str:
    return "" if row["is_effect"] else "; the difference may be chance"


def money(minor: int | Decimal, currency: str, *, is_signed: bool = False) -> str:
    """Write minor units in units of their currency; unchanged if its number of digits is unknown."""
    known = CURRENCIES.get(currency)
    digits = (known.minor_digits if known else None) or 0
    return f"{Decimal(minor).scaleb(-digits):{'+' if is_signed else ''},.{digits}f}"
